#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/bytes.h"
#include "base/time_text.h"
#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_body.h"
#include "control/json_text.h"

// What the admin API writes into the audit log, and what it tells of it.
namespace sovmesh::control {
namespace {

using nlohmann::json;
using Actor = store::AdminEntry::Actor;

constexpr std::size_t kDetailMax = 16'384;  // bytes of a body that is kept (encrypted) as it came
constexpr std::size_t kObjectMax = 200;
constexpr std::size_t kReasonMax = 200;

// Cut so that it stays UTF-8.
std::string shortened(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0U) == 0x80U)
    --bytes_max;
  text.resize(bytes_max);
  return text;
}

std::string object_of(const std::string& kind, std::string id) {
  return kind + (id.empty() ? "" : "/" + shortened(std::move(id), kObjectMax));
}

std::string text_at(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Whether a hold is on this subject, as far as is known.
bool holds(const store::AuditHold& hold, const store::AuditSubject& subject) {
  if (hold.subject.tenant != subject.tenant) return false;
  return hold.whole_tenant || hold.subject.id.empty() || hold.subject.id == subject.id;
}

bool holds(const store::AuditHold& hold, const tenancy::Key& key) {
  return holds(hold, {.tenant = key.tenant, .id = key.owner.value_or("")});
}

// Whether a change of this key's takes it from an owner. `is_whole`: who is not said is none.
bool changes_owner(const json& change, const tenancy::Key& key, bool is_whole) {
  return key.owner && (is_whole || change.contains("owner")) &&
         text_at(change, "owner") != *key.owner;
}

// Whether deleting an object of the store would take along what is held.
bool holds(const store::AuditHold& hold, const store::ControlData& data, const std::string& kind,
           const std::string& name) {
  const auto one_of = [&](const auto& fits) {
    return std::ranges::any_of(
        data.keys, [&](const tenancy::Key& key) { return fits(key) && holds(hold, key); });
  };
  if (kind == "tenants") {
    const auto tenant = find_tenant(data, name);
    return tenant && hold.subject.tenant == tenant->id;
  }
  if (kind == "keys") return one_of([&](const tenancy::Key& key) { return key.id.text() == name; });
  if (kind != "projects") return false;
  const auto project = find_project(data, name);
  if (!project) return false;
  return (hold.whole_tenant && hold.subject.tenant == project->tenant) ||
         one_of([&](const tenancy::Key& key) { return key.project == project->id; });
}

std::string hold_json(const store::AuditHold& hold, const store::ControlData& data) {
  JsonText json;
  json.text("id", std::string_view(hold.id));
  const auto& tenant = hold.subject.tenant;
  const auto living = tenant ? find_tenant(data, tenant->value.text())
                             : Result<tenancy::Tenant>(client_error(Code::not_found, "no tenant"));
  living ? json.text("tenant", living->slug.text()) : json.null("tenant");
  tenant ? json.text("tenant_id", tenant->value.text()) : json.null("tenant_id");
  hold.subject.id.empty() ? json.null("subject")
                          : json.text("subject", std::string_view(hold.subject.id));
  json.flag("whole_tenant", hold.whole_tenant);
  hold.since ? json.time("since", *hold.since) : json.null("since");
  return json.text("reason", std::string_view(hold.reason)).end();
}

// What the object is now, without the text of a key that is shown once.
std::optional<Digest> digest_of(json object) {
  if (!object.is_object() || object.empty()) return std::nullopt;
  return sha256(object.dump(-1, ' ', false, json::error_handler_t::replace));
}

// Without what must not be tried against a digest: names of people, because all else of the object
// can be known and they would outlive their erasure, and texts that are shown once.
json without_names(const std::string& kind, json object) {
  if (kind == "users") {
    for (const char* const name : {"login", "display_name", "token"})
      object.erase(name);
  }
  if (kind == "keys") {
    object.erase("key");
    object.erase("owner");
  }
  if (kind == "webhooks") {
    for (const char* const name : {"secret", "deliveries", "state"})
      object.erase(name);
  }
  // The name of a limit that has none of its own is made of its user's.
  if (kind == "limits" && !text_at(object, "user").empty()) {
    object.erase("user");
    object.erase("name");
  }
  return object;
}

// What a body says of people is not kept under the key of whoever sent it: it would survive their
// erasure.
std::string without_people(const std::string& body, bool is_of_people) {
  json object = json::parse(body, nullptr, false);
  if (!object.is_object()) return {};
  for (const char* const name : {"owner", "user", "subject"})
    object.erase(name);
  if (is_of_people) {
    object.erase("login");
    object.erase("display_name");
    for (const char* const name : {"password", "current_password"})
      if (object.contains(name)) object[name] = "***";
  }
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string detail_of(const AdminRequest& request) {
  const AdminCall& call = request.call;
  // Logins are names, and not even a digest is kept of what a password is in.
  const bool is_of_people = request.path.front() == "users";
  JsonText detail;
  detail.text("actor", call.actor)
      .text("source", call.source)
      .text("method", call.method)
      .text("path", is_of_people ? std::string_view("/api/v1/users") : call.path);
  if (call.body.empty()) return detail.end();
  if (const std::string body = without_people(call.body, is_of_people); body.size() <= kDetailMax)
    return detail.text("body", body).end();
  if (is_of_people) return detail.end();
  return detail.text("body_sha256", to_hex(sha256(call.body))).end();
}

std::string base64_of(const Digest& digest) { return to_base64(digest); }

std::string record_json(const store::AuditRecord& record) {
  return JsonText()
      .number("index", static_cast<std::int64_t>(record.index))
      .raw("entry", record.bytes)
      .end();
}

std::string hashes_json(const std::vector<Digest>& hashes) {
  std::vector<std::string> texts;
  for (const Digest& hash : hashes)
    texts.push_back("\"" + base64_of(hash) + "\"");
  return json_list(texts);
}

Result<std::optional<WallTime>> time_of(const std::optional<std::string>& text, const char* name) {
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (!time) return client_error(Code::invalid_value, "want a time: 2027-01-31T12:00:00Z", name);
  return time;
}

Result<std::optional<std::uint64_t>> number_of(const std::optional<std::string>& text,
                                               const char* name) {
  if (!text) return std::nullopt;
  const auto number = parse_u64(*text);
  if (!number) return client_error(Code::invalid_value, "want a number", name);
  return number;
}

// The digits of "req_" + 32 hex digits.
std::optional<RequestId> request_of(std::string_view text) {
  constexpr std::string_view kPrefix = "req_";
  if (!text.starts_with(kPrefix) || text.size() != kPrefix.size() + 32) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  std::array<unsigned char, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    const auto high = kDigits.find(text[2 * i]);
    const auto low = kDigits.find(text[2 * i + 1]);
    if (high == kDigits.npos || low == kDigits.npos) return std::nullopt;
    bytes.at(i) = static_cast<unsigned char>(high * 16 + low);
  }
  return RequestId{Ulid::from_bytes(bytes)};
}

// "12", or a request's id.
Result<store::AuditRecord> record_named(store::Audit& audit, const std::string& name) {
  if (const auto request = request_of(name)) return audit.find(*request);
  const auto index = parse_u64(name);
  if (index) return audit.entry(*index);
  return client_error(Code::invalid_value, "want an entry's number, or a request's id: req_...");
}

}  // namespace

// "tenants" and POST give "tenant.create"; a verb behind the object's name is the action itself.
std::string AdminApi::action_of(std::string_view method, const std::vector<std::string>& path) {
  std::string kind = path.front();
  if (kind.ends_with('s')) kind.pop_back();
  if (path.size() > 2 && path[2] == "sessions") return "session.revoke";
  if (path.size() > 2 && path[2] == "tokens")
    return method == "POST" ? "token.create" : "token.delete";
  if (path.size() > 2) return kind + "." + path[2];
  if (method == "POST") return kind + ".create";
  return kind + (method == "DELETE" ? ".delete" : ".update");
}

store::AdminEntry AdminApi::entry_of(const Request& request, std::string action) const {
  store::AdminEntry entry;
  entry.action = std::move(action);
  entry.actor_type = request.call.actor_type;
  entry.actor = request.call.actor;
  return entry;
}

// Before anything happens: an action that could not be recorded does not begin. What only reads may
// find room for its entry when others do not.
Result<void> AdminApi::may_record(const Request& request) const {
  const std::vector<std::string>& path = request.path;
  const bool reads = request.call.method == "GET" || path.front() == "ledger" ||
                     path == std::vector<std::string>{"audit", "backup"};
  if (parts_.audit == nullptr || reads || parts_.audit->accepts()) return {};
  return fail(store::Audit::refusal());
}

// Whether a hold is on what the request would delete, or on a name that it would take away.
Result<std::function<bool(const store::AuditHold&)>> AdminApi::what_is_lost(
    const Request& request) {
  using Hold = store::AuditHold;
  const std::string& kind = request.path[0];
  const std::string& name = request.path[1];
  const bool deletes = request.call.method == "DELETE";
  const json change = deletes ? json() : json::parse(request.call.body, nullptr, false);
  const auto nothing = [](const Hold&) { return false; };
  if (kind == "users") {
    TRY(const auto subjects, people_.known_as(request, name));
    if (subjects.empty()) return nothing;
    const bool renames =
        change.contains("login") && to_lower(text_at(change, "login")) != subjects.front().id;
    if (!deletes && !renames) return nothing;
    return [subjects](const Hold& hold) {
      return std::ranges::any_of(subjects, [&](const auto& one) { return holds(hold, one); });
    };
  }
  if (!deletes && kind != "keys") return nothing;
  TRY(store::ControlData data, load_seen(request));
  if (deletes)
    return [data = std::move(data), kind, name](const Hold& hold) {
      return holds(hold, data, kind, name);
    };
  const auto key = find_key(data, name);
  if (!key || !changes_owner(change, *key, request.call.method == "PUT")) return nothing;
  return [key = *key](const Hold& hold) { return holds(hold, key); };
}

// What a legal hold keeps is neither deleted nor called by another name; that somebody wanted to is
// an entry.
Result<void> AdminApi::may_lose(const Request& request) {
  const bool may_take = request.is("DELETE", 2) || request.is("PATCH", 2) ||
                        (request.is("PUT", 2) && request.path.front() == "keys");
  if (parts_.audit == nullptr || !may_take) return {};
  TRY(const std::vector<store::AuditHold> held, parts_.audit->holds());
  if (held.empty()) return {};
  TRY(const auto is_lost, what_is_lost(request));
  const auto hold = std::ranges::find_if(held, is_lost);
  if (hold == held.end()) return {};
  const std::string& kind = request.path[0];
  store::AdminEntry entry = entry_of(request, action_of(request.call.method, request.path));
  entry.tenant = hold->subject.tenant;
  // Logins are names, and those are not for the log.
  entry.object = kind == "users" ? kind : object_of(kind, request.path[1]);
  entry.outcome = "denied";
  entry.reason = "under a legal hold";
  entry.detail = detail_of(request);
  TRY_VOID(parts_.audit->append(std::move(entry)));
  return client_error(
      Code::conflict,
      fmt::format("under a legal hold: nothing of it is deleted or gets another name until that is "
                  "taken off (sovmesh audit hold list){}",
                  kind == "keys"    ? "; revoke the key instead"
                  : kind == "users" ? "; disable the user instead"
                                    : ""));
}

// Who read reports and the log itself.
Result<void> AdminApi::record_read(const Request& request) {
  const std::string& kind = request.path.front();
  const bool is_report = kind == "usage" || kind == "statements" || kind == "requests";
  if (parts_.audit == nullptr || (!is_report && kind != "audit")) return {};
  store::AdminEntry entry = entry_of(request, is_report ? "report.read" : "audit.read");
  entry.object = object_of(kind, request.path.size() > 1 ? request.path[1] : std::string());
  entry.detail = detail_of(request);
  TRY_VOID(parts_.audit->append(std::move(entry)));
  return {};
}

// Of a change that has been written and is not stored yet.
Result<std::optional<store::AdminEntry>> AdminApi::change_entry(const Request& request,
                                                                const AdminReply& reply) {
  if (request.changes_nothing) return std::nullopt;
  const std::string& kind = request.path.front();
  store::AdminEntry entry = entry_of(request, action_of(request.call.method, request.path));
  entry.detail = detail_of(request);
  const json object = json::parse(reply.body, nullptr, false);
  std::string id = object.is_object() ? text_at(object, "id") : std::string();
  if (id.empty() && object.is_object()) id = text_at(object, "name");
  if (id.empty() && request.path.size() > 1) id = request.path[1];
  if (request.object) id = *request.object;
  entry.object = object_of(kind, std::move(id));
  entry.tenant = request.tenant;
  if (request.user)
    entry.concerns = store::AuditSubject{.tenant = request.tenant, .id = *request.user};
  if (!object.is_object()) return entry;
  entry.after = digest_of(without_names(kind, object));
  TRY(const store::ControlData data, request.store->load());
  const auto tenant =
      find_tenant(data, kind == "tenants" ? text_at(object, "id") : text_at(object, "tenant"));
  if (tenant) entry.tenant = tenant->id;
  if (const std::string owner = text_at(object, "owner"); !owner.empty())
    entry.concerns = store::AuditSubject{.tenant = entry.tenant, .id = owner};
  return entry;
}

Result<store::AuditSubject> AdminApi::subject_of(const std::optional<std::string>& tenant,
                                                 const std::optional<std::string>& id) {
  store::AuditSubject subject{.tenant = std::nullopt, .id = id.value_or("")};
  if (!tenant) return subject;
  TRY(const store::ControlData data, parts_.store.load());
  const auto found = find_tenant(data, *tenant);
  if (found) {
    subject.tenant = found->id;
    return subject;
  }
  if (const auto dead = Ulid::parse(*tenant); dead) {
    subject.tenant = TenantId{*dead};  // a dead tenant's entries stay
    return subject;
  }
  TRY(subject.tenant, parts_.store.removed_tenant(*tenant));
  if (subject.tenant) return subject;
  return client_error(
      Code::not_found,
      fmt::format("{}; none of that name was deleted; the id of one that was works, "
                  "too",
                  found.error().message()),
      "tenant");
}

Result<AdminReply> AdminApi::audit(Request& request) {
  if (parts_.audit == nullptr)
    return client_error(Code::unknown_url, "the audit log is off (audit.enabled)");
  // Writes in a turn of its own, without the control store's: nothing of that changes.
  return request.call.method == "GET" ? audit_read(request) : audit_write(request);
}

Result<AdminReply> AdminApi::audit_read(Request& request) {
  const std::vector<std::string>& path = request.path;
  const std::string what = path.size() > 1 ? path[1] : "";
  if (path.size() > 2 && what == "entries") TRY_VOID(may_see_entry(request));
  if (path.size() == 2 && what == "entries") return audit_list(request);
  if (path.size() == 3 && what == "entries") return audit_show(request);
  if (path.size() == 4 && what == "entries" && path[3] == "proof") return audit_proof(request);
  if (path.size() == 2 && what == "export") return audit_export(request);
  if (path.size() == 2 && what == "checkpoint") return audit_checkpoint(request);
  if (path.size() == 2 && what == "holds") return audit_holds(request);
  return client_error(Code::unknown_url, "there is no such resource");
}

// Of a tenant's people: their tenant's entries, each without what is told of people of the
// platform. Others are as if they were not there.
Result<void> AdminApi::may_see_entry(const Request& request) {
  if (sees_all(request)) return {};
  if (request.query.contains("detail"))
    return client_error(Code::insufficient_permissions,
                        "the encrypted part of entries is for people of the platform", "detail");
  const auto record = record_named(*parts_.audit, request.path[2]);
  if (!record && record.error().code() != Code::not_found) return fail(record.error());
  const json entry = record ? json::parse(record->bytes, nullptr, false) : json();
  const auto tenant = entry.is_object() ? Ulid::parse(text_at(entry, "tenant")) : Ulid::parse("");
  if (tenant && sees(request, TenantId{*tenant})) return {};
  return client_error(Code::not_found, "the log has no such entry");
}

// Whose entries a list is of: for a tenant's people, of a tenant of theirs.
Result<store::AuditSubject> AdminApi::listed(const Request& request,
                                             const std::optional<std::string>& tenant,
                                             const std::optional<std::string>& subject) {
  if (sees_all(request)) return subject_of(tenant, subject);
  TRY(const store::ControlData data, load_seen(request));
  TRY(const auto ours, tenant_of(request, data, tenant));
  return store::AuditSubject{.tenant = ours, .id = subject.value_or("")};
}

Result<AdminReply> AdminApi::audit_list(Request& request) {
  store::AuditFilter filter;
  const auto tenant = request.take("tenant");
  const auto subject = request.take("subject");
  filter.action = request.take("action").value_or("");
  filter.object = request.take("object").value_or("");
  for (const auto& [name, pattern] :
       {std::pair("action", filter.action), {"object", filter.object}})
    if (!store::AuditFilter::is_pattern(pattern))
      return client_error(Code::invalid_value, "a '*' may stand at the end only: key.*", name);
  TRY(filter.from, time_of(request.take("from"), "from"));
  TRY(filter.until, time_of(request.take("until"), "until"));
  TRY(filter.before, number_of(request.take("after"), "after"));
  TRY(const auto limit, number_of(request.take("limit"), "limit"));
  TRY_VOID(request.no_more_query());
  if (limit && (*limit == 0 || *limit > kPageMax))
    return client_error(Code::invalid_value, fmt::format("limit: want 1..{}", kPageMax), "limit");
  TRY(const store::AuditSubject who, listed(request, tenant, subject));
  filter.tenant = who.tenant;
  if (subject) filter.subject = who;
  TRY(const auto page, parts_.audit->list(filter, limit.value_or(kPageUsual)));
  std::vector<std::string> shown;
  for (const store::AuditRecord& record : page.records)
    shown.push_back(record_json(record));
  JsonText json;
  json.raw("data", json_list(shown)).flag("has_more", page.next.has_value());
  page.next ? json.text("next", std::to_string(*page.next)) : json.null("next");
  return AdminReply{.body = json.end()};
}

Result<AdminReply> AdminApi::audit_show(Request& request) {
  TRY(const bool with_detail, request.take_flag("detail"));
  TRY_VOID(request.no_more_query());
  TRY(const store::AuditRecord record, record_named(*parts_.audit, request.path[2]));
  JsonText json;
  json.number("index", static_cast<std::int64_t>(record.index)).raw("entry", record.bytes);
  if (with_detail) {
    const auto detail = parts_.audit->detail(record.index);
    if (!detail && detail.error().code() != Code::not_found) return fail(detail.error());
    const bool is_json = detail && nlohmann::json::accept(*detail);
    is_json ? json.raw("detail", *detail) : json.null("detail");
    if (!detail) json.text("detail_missing", detail.error().message());
  }
  return AdminReply{.body = json.end()};
}

Result<AdminReply> AdminApi::audit_proof(Request& request) {
  TRY_VOID(request.no_more_query());
  TRY(const store::AuditRecord record, record_named(*parts_.audit, request.path[2]));
  TRY(const store::AuditProof proof, parts_.audit->prove(record.index));
  TRY(const std::string keys, parts_.audit->verifier_keys());
  return AdminReply{.body = JsonText()
                                .number("index", static_cast<std::int64_t>(record.index))
                                .text("bytes", record.bytes)
                                .raw("proof", hashes_json(proof.hashes))
                                .text("checkpoint", proof.checkpoint)
                                .text("keys", keys)
                                .end()};
}

// A page of a tenant's entries, each proven to be in the tree of `size` entries.
Result<AdminReply> AdminApi::audit_export(Request& request) {
  const auto tenant = request.take("tenant");
  TRY(const auto size, number_of(request.take("size"), "size"));
  TRY(const auto after, number_of(request.take("after"), "after"));
  TRY_VOID(request.no_more_query());
  if (!tenant || !size)
    return client_error(Code::missing_required_parameter, "say whose and of which checkpoint",
                        tenant ? "size" : "tenant");
  TRY(const store::AuditSubject who, listed(request, tenant, std::nullopt));
  const store::AuditFilter filter{.tenant = who.tenant,
                                  .before = std::min(after.value_or(*size), *size)};
  TRY(const auto page, parts_.audit->list(filter, kPageMax));
  std::vector<std::string> shown;
  for (const store::AuditRecord& record : page.records) {
    TRY(const auto proof, parts_.audit->prove(record.index, size));
    shown.push_back(JsonText()
                        .number("index", static_cast<std::int64_t>(record.index))
                        .text("bytes", record.bytes)
                        .raw("proof", hashes_json(proof.hashes))
                        .end());
  }
  JsonText json;
  json.raw("data", json_list(shown)).flag("has_more", page.next.has_value());
  page.next ? json.text("next", std::to_string(*page.next)) : json.null("next");
  return AdminReply{.body = json.end()};
}

Result<AdminReply> AdminApi::audit_checkpoint(Request& request) {
  TRY_VOID(request.no_more_query());
  TRY(const std::string note, parts_.audit->checkpoint(true));
  TRY(const std::string keys, parts_.audit->verifier_keys());
  const store::AuditStats stats = parts_.audit->stats();
  return AdminReply{.body = JsonText()
                                .text("checkpoint", note)
                                .text("keys", keys)
                                .number("size", static_cast<std::int64_t>(stats.size))
                                .number("signed_size", static_cast<std::int64_t>(stats.signed_size))
                                .number("waiting", static_cast<std::int64_t>(stats.waiting))
                                .number("gaps", static_cast<std::int64_t>(stats.gaps))
                                .end()};
}

// GET /audit/holds
Result<AdminReply> AdminApi::audit_holds(Request& request) {
  const auto tenant = request.take("tenant");
  TRY(const store::AuditSubject who, subject_of(tenant, std::nullopt));
  TRY(std::vector<store::AuditHold> held, parts_.audit->holds());
  if (tenant)
    std::erase_if(held, [&](const auto& hold) { return hold.subject.tenant != who.tenant; });
  TRY(const store::ControlData data, parts_.store.load());
  return page<store::AuditHold>(
      request, held, [](const store::AuditHold& hold) { return hold.id; },
      [&](const store::AuditHold& hold) { return hold_json(hold, data); });
}

// POST /audit/witnessed {"note": a checkpoint with a witness's cosignature}
Result<AdminReply> AdminApi::audit_witnessed(Request& request) {
  JsonBody body(request.call.body);
  const std::string note = body.required_text("note");
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY_VOID(parts_.audit->add_witnessed(note));
  store::AdminEntry entry = entry_of(request, "audit.witnessed");
  entry.after = sha256(note);
  TRY(const auto receipt, parts_.audit->append(std::move(entry)));
  const auto index = static_cast<std::int64_t>(receipt.index);
  return AdminReply{.body = JsonText().number("index", index).end()};
}

// POST /audit/erase | hold | release | rotate-key. The entry never names whom it concerns.
Result<AdminReply> AdminApi::audit_write(Request& request) {
  const std::string& verb = request.path[1];
  if (verb == "witnessed") return audit_witnessed(request);
  if (verb == "backup") return audit_backup(request);
  JsonBody body(request.call.body);
  const auto tenant = body.text("tenant");
  const auto id = body.text("subject");
  const std::string reason = body.text("reason").value_or("");
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  if (reason.size() > kReasonMax)
    return client_error(Code::string_above_max_length, fmt::format("at most {} bytes", kReasonMax),
                        "reason");
  store::AdminEntry entry = entry_of(request, "audit." + verb);
  if (entry.action == "audit.rotate-key") entry.action = "audit.rotate_key";
  entry.reason = reason;
  entry.detail =
      JsonText().text("actor", request.call.actor).text("source", request.call.source).end();
  if (verb == "rotate-key" && (tenant || id))
    return client_error(Code::unsupported_parameter, "has no subject",
                        tenant ? "tenant" : "subject");
  TRY(const store::AuditSubject subject, subject_of(tenant, id));
  entry.tenant = subject.tenant;
  const auto answer = [](const Result<store::AuditReceipt>& receipt) -> Result<AdminReply> {
    if (!receipt) return fail(receipt.error());
    const auto index = static_cast<std::int64_t>(receipt->index);
    return AdminReply{.body = JsonText().number("index", index).end()};
  };
  if (verb == "rotate-key") return answer(parts_.audit->rotate_key(std::move(entry)));
  if (verb == "hold" || verb == "release") {
    if (!tenant && !id)
      return client_error(Code::missing_required_parameter, "say whose: tenant, subject or both",
                          "tenant");
    if (verb == "hold") return hold_subject(subject, std::move(entry));
    return answer(parts_.audit->hold(subject, false, std::move(entry)));
  }
  if (verb != "erase") return client_error(Code::unknown_url, "there is no such resource");
  if (subject.id.empty())
    return client_error(Code::missing_required_parameter, "say whom to erase", "subject");
  return erase_subject(subject, std::move(entry));
}

// POST /audit/backup: somebody has made an archive of everything.
Result<AdminReply> AdminApi::audit_backup(Request& request) {
  JsonBody body(request.call.body);
  const std::string made_at = body.required_text("created_at");
  const auto row = body.number("ledger_seq", 0, INT64_MAX).value_or(0);
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  if (!parse_rfc3339(made_at))
    return client_error(Code::invalid_value, "want a time: 2027-01-31T12:00:00Z", "created_at");
  store::AdminEntry entry = entry_of(request, "backup.create");
  entry.object = "backup/" + made_at;
  entry.reason = fmt::format("up to ledger row {}", row);
  TRY(const auto receipt, parts_.audit->append(std::move(entry)));
  const auto index = static_cast<std::int64_t>(receipt.index);
  return AdminReply{.body = JsonText().number("index", index).end()};
}

}  // namespace sovmesh::control

#include "audit_files/entry_form.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "base/append.h"
#include "base/bytes.h"

namespace sovmesh::audit_files {
namespace {

using metering::Finish;
using store::AdminEntry;

std::string hex_of(const std::optional<Digest>& digest) {
  return digest ? to_hex(*digest) : std::string();
}

std::uint64_t count_of(std::int64_t value) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
}

constexpr int kClientClosed = 499;
constexpr std::string_view kRidPrefix = "req_";
constexpr std::string_view kSettlePrefix = "settle/req_";

std::string_view outcome_of(const store::RequestEntry& entry) {
  if (entry.status == kClientClosed) return "aborted";
  if (entry.status >= 500) return "failed";
  if (entry.status >= 400) return "denied";
  switch (entry.finish) {
    case Finish::client_closed:
    case Finish::revoked:
    case Finish::aborted:
    case Finish::drained:
    case Finish::recovered:
      return "aborted";
    case Finish::upstream_error:
    case Finish::upstream_timeout:
      return "failed";
    case Finish::stop:
    case Finish::length:
    case Finish::tool_calls:
    case Finish::content_filter:
      break;
  }
  return "ok";
}

// Why it ended: as the error says when there was one.
std::string_view finish_of(const store::RequestEntry& entry) {
  if (!entry.code.empty()) return entry.code;
  return entry.is_replay() ? std::string_view("replayed") : metering::name(entry.finish);
}

// "none", or the hosts outside that it was sent to, each once.
std::string egress_of(const store::RequestEntry& entry) {
  std::vector<std::string_view> hosts;
  const auto add = [&hosts](const store::AuditPlace* place) {
    if (place == nullptr || place->egress.empty()) return;
    if (std::ranges::find(hosts, place->egress) == hosts.end()) hosts.emplace_back(place->egress);
  };
  for (const auto& place : entry.earlier)
    add(place.get());
  add(entry.place.get());
  add(entry.mirror.get());
  std::string text;
  for (const std::string_view host : hosts)
    append_all(text, text.empty() ? "" : ",", host);
  return text.empty() ? "none" : text;
}

std::string actor_type_of(AdminEntry::Actor actor) {
  switch (actor) {
    case AdminEntry::Actor::token:
      return "token";
    case AdminEntry::Actor::local_user:
    case AdminEntry::Actor::user:
    case AdminEntry::Actor::user_token:
      return "user";
    case AdminEntry::Actor::key:
      return "key";
    case AdminEntry::Actor::config:
    case AdminEntry::Actor::system:
      break;
  }
  return "system";
}

std::string auth_of(AdminEntry::Actor actor) {
  switch (actor) {
    case AdminEntry::Actor::token:
      return "bearer";
    case AdminEntry::Actor::local_user:
      return "socket";
    case AdminEntry::Actor::user:
      return "session";
    case AdminEntry::Actor::user_token:
      return "token";
    case AdminEntry::Actor::key:
      return "api_key";
    case AdminEntry::Actor::config:
      return "config";
    case AdminEntry::Actor::system:
      break;
  }
  return "";
}

}  // namespace

std::string shown_id(RequestId request) { return std::string(kRidPrefix) + request.value.hex(); }

std::optional<store::AuditSubject> actor_of(const AdminEntry& entry) {
  if (entry.actor.empty()) return std::nullopt;
  return store::AuditSubject{.tenant = std::nullopt, .id = entry.actor};
}

Result<ledgerlog::RequestEntryView> log_form(const store::RequestEntry& entry, KeyRing& keys,
                                             std::string& texts) {
  constexpr std::size_t kFixedMax = 2 * 26 + 36 + 43 + 3 * 2 * sizeof(Digest);  // ids, hex digits
  texts.clear();
  // No view may see it move.
  const std::string egress = egress_of(entry);
  const store::AuditPlace* const mirror = entry.mirror.get();
  const std::size_t mirror_max = mirror ? mirror->engine.size() + 1 + mirror->host.size() : 0;
  texts.reserve(kFixedMax + entry.model.size() + 1 + entry.model_revision.size() + egress.size() +
                mirror_max);
  const auto made_since = [&](std::size_t at) { return std::string_view(texts).substr(at); };
  const auto made = [&](std::string_view one, auto... more) {
    const std::size_t at = texts.size();
    append_all(texts, one, more...);
    return made_since(at);
  };
  const auto hex = [&](std::string_view prefix, std::span<const unsigned char> bytes) {
    const std::size_t at = texts.size();
    texts += prefix;
    append_hex(texts, bytes);
    return made_since(at);
  };
  ledgerlog::RequestEntryView out;
  out.tenant = made(entry.tenant.value.text());
  if (!entry.project.value.is_nil()) out.project = made(entry.project.value.text());
  out.rid = hex(kRidPrefix, entry.request.value.bytes());
  if (entry.key) out.key = entry.key->text();
  if (!entry.user.empty()) {
    TRY(const Digest who, keys.reference({.tenant = entry.tenant, .id = entry.user}));
    out.actor_ref = hex("", who);
  }
  out.operation = metering::name(entry.operation);
  out.start = entry.began;
  out.model = entry.model;
  if (!entry.model_revision.empty())
    out.model = made(entry.model, std::string_view("@"), std::string_view(entry.model_revision));
  out.model_digest = entry.model_digest;
  out.egress = made(egress);
  if (entry.place != nullptr) {
    out.engine = entry.place->engine;
    out.host = entry.place->host;
    out.site = entry.place->site;
    out.jurisdiction = entry.place->jurisdiction;
  }
  if (mirror != nullptr)
    out.mirror = made(mirror->engine, std::string_view("@"), std::string_view(mirror->host));
  out.status = count_of(entry.status);
  out.finish = finish_of(entry);
  out.outcome = outcome_of(entry);
  out.tokens_in = count_of(entry.counts.prompt);
  out.tokens_cached = count_of(entry.counts.cached);
  out.tokens_out = count_of(entry.counts.generated);
  if (entry.prompt_digest) out.prompt_digest = hex("", *entry.prompt_digest);
  if (entry.answer_digest) out.answer_digest = hex("", *entry.answer_digest);
  out.digest_key = entry.digest_key;
  if (entry.settled) out.ledger_ref = hex(kSettlePrefix, entry.settled->value.bytes());
  out.price_ver = entry.price;
  out.cost_micro = count_of(entry.cost_micro.value_or(0));
  out.currency = entry.currency;
  if (!entry.priority) return out;
  out.priority = name(*entry.priority);
  out.pool = entry.pool;
  return out;
}

AdminEntry sum_entry(const RefusedSum& sum) {
  AdminEntry entry;
  entry.action = std::string(kActionRefused);
  entry.outcome = "denied";
  entry.tenant = sum.tenant;
  entry.count = sum.counts.total();
  entry.reason = sum.counts.text();
  switch (sum.whose) {
    case RefusedSum::Whose::key:
      entry.object = "keys/" + std::string(sum.key->text());
      break;
    case RefusedSum::Whose::other_keys:
      entry.object = "keys";
      break;
    case RefusedSum::Whose::strangers:
      entry.action = "auth.refused";
      entry.object = "listener/data";
      break;
    case RefusedSum::Whose::all:
      entry.reason = "not written while the disk had no room for it: " + entry.reason;
      break;
  }
  return entry;
}

AdminEntry gap_entry(const Gap& gap, std::string_view what) {
  AdminEntry entry;
  entry.action = std::string(kActionGap);
  entry.outcome = "failed";
  entry.before = gap.start;
  entry.after = gap.hash;
  entry.count = gap.count;
  entry.reason = fmt::format("{}; after: SHA-256 chain over their ids from before on", what);
  return entry;
}

Result<ledgerlog::AdminEntry> log_form(const AdminEntry& entry, KeyRing& keys,
                                       const std::optional<Digest>& detail_hash,
                                       const std::optional<Digest>& concerns) {
  ledgerlog::AdminEntry out;
  if (entry.tenant) out.tenant = entry.tenant->value.text();
  out.actor_type = actor_type_of(entry.actor_type);
  if (const auto actor = actor_of(entry)) {
    TRY(const Digest who, keys.reference(*actor));
    out.actor_ref = to_hex(who);
  }
  out.auth = auth_of(entry.actor_type);
  out.action = entry.action;
  out.object_ref = entry.object;
  out.subject_ref = hex_of(concerns);
  out.outcome = entry.outcome;
  out.rid = entry.request;
  out.before = hex_of(entry.before);
  out.after = hex_of(entry.after);
  out.count = entry.count;
  out.reason = entry.reason;
  out.policy_ver = entry.config;
  out.config_hash = hex_of(entry.config_digest);
  out.ct_hash = hex_of(detail_hash);
  return out;
}

}  // namespace sovmesh::audit_files

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_body.h"
#include "control/json_text.h"
#include "control/limit_set.h"

// The limits of the admin API.
namespace sovmesh::control {
namespace {

using limits::Measure;
using limits::Scope;
using limits::Window;
using store::LimitHolder;
using store::LimitRecord;

constexpr std::size_t kNameMax = 128;            // of a limit or a user
constexpr std::size_t kTenantLimitsMax = 1'000;  // where its own people make them

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && std::ranges::none_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

// What is used now, by the limits' names in force.
using Use = std::multimap<std::string, limits::Status>;

JsonText& add_amount(JsonText& json, std::string_view name, Measure measure, std::int64_t amount) {
  if (!has_decimals(measure)) return json.number(name, amount);
  return json.text(name, std::string_view(amount_text(measure, amount)));
}
JsonText& add_time(JsonText& json, std::string_view name, const std::optional<WallTime>& time) {
  return time ? json.time(name, *time) : json.null(name);
}

std::string balance_json(const limits::Status& status) {
  JsonText json;
  json.text("scope", std::string_view(status.scope));
  add_amount(json, "used", status.measure, status.used);
  add_amount(json, "reserved", status.measure, status.reserved);
  add_time(json, "window_start", status.window_start);
  add_time(json, "reset_at", status.reset_at);
  return json.end();
}

// A limit that nobody has used yet has a window, too.
void fill_window(limits::Status& status, const limits::Limit& limit, WallTime now) {
  if (status.window_start || limit.window == Window::none || limit.window == Window::lifetime)
    return;
  const auto window = limits::window_at(limit.window, limit.alignment, limit.zone, now);
  status.window_start = window.begin;
  if (limit.alignment == limits::Alignment::calendar) status.reset_at = window.end;
}

void add_use(JsonText& json, const limits::Limit& limit, const Use& use, WallTime now) {
  const auto [first, last] = use.equal_range(limit.name);
  if (limit.target.only()) {
    limits::Status status = first == last ? limits::Status{} : first->second;
    fill_window(status, limit, now);
    add_amount(json, "used", limit.measure, status.used);
    add_amount(json, "reserved", limit.measure, status.reserved);
    add_time(json, "window_start", status.window_start);
    add_time(json, "reset_at", status.reset_at);
    return;
  }
  // Each has a balance of his own: there is no sum that the amount would be for.
  std::vector<std::string> balances;
  for (auto it = first; it != last; ++it)
    balances.push_back(balance_json(it->second));
  json.null("used").null("reserved").null("window_start").null("reset_at");
  json.raw("balances", json_list(balances));
}

void add_holder(JsonText& json, const LimitHolder& holder, const store::ControlData& data) {
  json.text("scope", limits::name(holder.scope));
  const bool is_pool = holder.scope == Scope::pool;
  is_pool ? json.null("tenant")
          : json.text("tenant", std::string_view(slug_of(data, holder.tenant)));
  holder.scope == Scope::project
      ? json.text("project", std::string_view(slug_of(data, holder.project)))
      : json.null("project");
  holder.scope == Scope::user ? json.text("user", std::string_view(holder.name))
                              : json.null("user");
  holder.key ? json.text("key", holder.key->text()) : json.null("key");
  is_pool ? json.text("pool", std::string_view(holder.name)) : json.null("pool");
}

std::optional<std::string> currency_of(const LimitRecord& limit, const store::ControlData& data) {
  const auto tenant = std::ranges::find(data.tenants, limit.holder.tenant, &tenancy::Tenant::id);
  if (limit.measure != Measure::money_micro || tenant == data.tenants.end()) return std::nullopt;
  return tenant->currency;
}

// `live`: as it is in force; null when its pool is not in the file.
std::string limit_json(const LimitRecord& limit, const store::ControlData& data,
                       const limits::Limit* live, const Use* use, WallTime now) {
  JsonText json;
  json.text("id", limit.id.value.text());
  json.text("name", std::string_view(live != nullptr ? live->name : limit.name));
  add_holder(json, limit.holder, data);
  json.text("measure", measure_word(limit.measure));
  limit.window == Window::none ? json.null("window")
                               : json.text("window", limits::name(limit.window));
  json.flag("rolling", limit.alignment == limits::Alignment::rolling);
  add_amount(json, "amount", limit.measure, limit.amount);
  json.text_or_null("currency", currency_of(limit, data)).flag("shadow", limit.shadow);
  limit.model.empty() ? json.null("model") : json.text("model", std::string_view(limit.model));
  json.flag("in_force", live != nullptr);
  if (live != nullptr && use != nullptr) {
    add_use(json, *live, *use, now);
  } else {
    json.null("used").null("reserved").null("window_start").null("reset_at");
  }
  add_meta(json, limit.meta);
  return json.end();
}

// What a caller may say of a limit at its creation.
struct LimitFields {
  std::optional<std::string> tenant;
  std::optional<std::string> project;
  std::optional<std::string> user;
  std::optional<std::string> key;
  std::optional<std::string> pool;
  std::optional<std::string> name;
  std::string measure;
  std::optional<std::string> window;
  std::optional<bool> rolling;
  std::optional<Decimal> amount;
  std::optional<bool> shadow;
  std::optional<std::string> model;

  static LimitFields read(JsonBody& body) {
    return {.tenant = body.text("tenant"),
            .project = body.text("project"),
            .user = body.text("user"),
            .key = body.text("key"),
            .pool = body.text("pool"),
            .name = body.text("name"),
            .measure = body.required_text("measure"),
            .window = body.text("window"),
            .rolling = body.flag("rolling"),
            .amount = body.decimal("amount"),
            .shadow = body.flag("shadow"),
            .model = body.text("model")};
  }

  // Whom it is for: one of project, user and key of a tenant, the tenant itself, or a pool.
  // `pools`: of the configuration file.
  Result<LimitHolder> holder(const store::ControlData& data, const identity::Directory& directory,
                             const std::vector<std::string>& pools) const {
    const int narrower = (project ? 1 : 0) + (user ? 1 : 0) + (key ? 1 : 0);
    if (pool) {
      if (tenant || narrower > 0)
        return client_error(Code::invalid_value, "a pool is nobody's: leave the others out",
                            "pool");
      if (directory.has_pool(*pool)) return LimitHolder{.scope = Scope::pool, .name = *pool};
      return no_such("pool", *pool, pools, "pool");
    }
    if (narrower > 1) {
      return client_error(Code::invalid_value,
                          "want one of project, user and key: a limit for each of them");
    }
    if (key) return of_key(data);
    if (!tenant) {
      return client_error(Code::missing_required_parameter,
                          "say for whom: a tenant, with or without project or user, a key or a "
                          "pool",
                          "tenant");
    }
    TRY(const tenancy::Tenant owner, find_tenant(data, *tenant));
    if (user) {
      if (!is_name(*user)) return client_error(Code::invalid_value, "want a name", "user");
      return LimitHolder{.scope = Scope::user, .tenant = owner.id, .name = *user};
    }
    if (project) return of_project(data, owner.id);
    return LimitHolder{.scope = Scope::tenant, .tenant = owner.id};
  }

  Result<LimitHolder> of_key(const store::ControlData& data) const {
    TRY(const tenancy::Key found, find_key(data, *key));
    if (tenant) {
      TRY(const tenancy::Tenant owner, find_tenant(data, *tenant));
      if (owner.id != found.tenant)
        return client_error(Code::not_found, "the tenant has no such key", "key");
    }
    return LimitHolder{.scope = Scope::key, .tenant = found.tenant, .key = found.id};
  }

  Result<LimitHolder> of_project(const store::ControlData& data, TenantId owner) const {
    TRY(const tenancy::Project found, find_project_of(data, owner, *project));
    return LimitHolder{.scope = Scope::project, .tenant = owner, .project = found.id};
  }

  Result<void> put_into(LimitRecord& limit) const {
    const auto parsed = parse_measure_word(measure);
    if (!parsed) {
      return client_error(Code::invalid_value,
                          "want requests, input_tokens, output_tokens, total_tokens, concurrency, "
                          "money or gpu_seconds",
                          "measure");
    }
    limit.measure = *parsed;
    const auto period = limits::parse_window(window.value_or("none"));
    if (!period || (window && *period == Window::none)) {
      return client_error(Code::invalid_value, "want second, minute, hour, day, month or lifetime",
                          "window");
    }
    limit.window = *period;
    if (rolling.value_or(false)) limit.alignment = limits::Alignment::rolling;
    if (limit.measure == Measure::money_micro && limit.holder.scope == Scope::pool) {
      return client_error(Code::invalid_value,
                          "a pool has no limit of money: its tenants' currencies may differ",
                          "measure");
    }
    if (!amount) return client_error(Code::missing_required_parameter, "how much?", "amount");
    TRY(limit.amount, amount_of(limit.measure, *amount));
    if (model) {
      TRY(const ModelName known, ModelName::parse(*model));
      limit.model = known.text();
    }
    return {};
  }
};

// Models and routes that can be called; for who does not see all, by the tenant that is limited.
std::vector<std::string> callable(const AdminRequest& request, const LimitRecord& limit,
                                  const identity::Directory& directory) {
  std::vector<std::string> known;
  if (sees_all(request)) {
    known = model_names(directory);
    std::ranges::move(route_names(directory), std::back_inserter(known));
    return known;
  }
  for (const catalog::Model* const model : directory.models().visible(limit.holder.tenant, nullptr))
    known.emplace_back(model->name.text());
  return known;
}

// A name that nobody has would never count. Foreign and unknown are one answer.
Result<void> check_model_of(const LimitRecord& limit, const std::vector<std::string>& known) {
  if (limit.model.empty() || std::ranges::find(known, limit.model) != known.end()) return {};
  return no_such("model or route", limit.model, known, "model");
}

// Names are labels: one for each.
Result<void> check_name(const LimitRecord& limit, const store::ControlData& data) {
  if (limit.name.empty()) return {};
  if (!is_name(limit.name))
    return client_error(Code::invalid_value, fmt::format("want at most {} bytes", kNameMax),
                        "name");
  for (const LimitRecord& other : data.limits) {
    if (other.id != limit.id && other.name == limit.name)
      return client_error(Code::conflict, fmt::format("'{}' is taken", limit.name), "name");
  }
  return {};
}

// As limits::validate has it, but an error of the caller.
Result<void> check_limit(const LimitRecord& limit, const store::ControlData& data) {
  TRY_VOID(check_name(limit, data));
  TRY(const limits::Limit live, limit_of(limit, data));
  if (const auto fits = limits::validate(live); !fits)
    return client_error(Code::invalid_value, fits.error().message(), fits.error().param());
  return {};
}

std::string what(const LimitRecord& limit) {
  if (!limit.name.empty()) return fmt::format("limit '{}'", limit.name);
  return fmt::format("limit of {}", measure_word(limit.measure));
}

// By id, or by its name in force. `ours`: what the caller sees of `data`.
Result<LimitRecord> limit_named(const store::ControlData& data, const store::ControlData& ours,
                                const std::string& name) {
  auto by_id = find_limit(ours, name);
  if (by_id) return by_id;
  TRY(const LimitsById live, limits_by_id(data, [](std::string_view) { return true; }));
  for (const LimitRecord& limit : ours.limits) {
    if (const auto found = live.find(limit.id); found != live.end() && found->second.name == name)
      return limit;
  }
  return by_id;
}

// What the caller sees of `data`; a copy in `part` only where that is not all of it.
const store::ControlData& seen_of(const AdminRequest& request, const store::ControlData& data,
                                  std::optional<store::ControlData>& part) {
  return sees_all(request) ? data : part.emplace(seen(request, data));
}

// What limits a part of a tenant is its own business; what limits the whole is the platform's.
Result<void> may_touch(AdminRequest& request, const LimitRecord& limit) {
  const bool is_whole = limit.holder.scope == Scope::tenant || limit.holder.scope == Scope::pool;
  return may(request, is_whole ? access::Resource::limits : access::Resource::sub_limits,
             limit.holder.scope == Scope::pool ? access::Owner::platform()
                                               : access::Owner::of(limit.holder.tenant));
}

// Names are for everybody: one that is taken would tell of others. What has one keeps it.
Result<void> check_may_name(const AdminRequest& request, bool says_name) {
  if (!says_name || sees_all(request)) return {};
  return client_error(Code::insufficient_permissions,
                      "only people of the platform give names to limits: leave it out", "name");
}

Result<void> check_room(const AdminRequest& request, const store::ControlData& data,
                        const store::ControlData& ours) {
  const auto made_here = [](const store::ControlData& limits) {
    return static_cast<std::size_t>(
        std::ranges::count_if(limits.limits, [](const LimitRecord& limit) {
          return limit.meta.ownership.by == tenancy::Ownership::By::api;
        }));
  };
  const bool is_full = made_here(data) >= AdminApi::kLimitsMax;
  const bool is_part_full = !sees_all(request) && made_here(ours) >= kTenantLimitsMax;
  if (!is_full && !is_part_full) return {};
  return client_error(Code::conflict,
                      fmt::format("there are {} limits already",
                                  is_full ? AdminApi::kLimitsMax : kTenantLimitsMax));
}

}  // namespace

Result<std::vector<std::string>> AdminApi::show_limits(const std::vector<LimitRecord>& wanted,
                                                       const store::ControlData& data) {
  const auto directory = parts_.publisher.directory().get();
  TRY(const LimitsById live,
      limits_by_id(data, [&](std::string_view pool) { return directory->has_pool(pool); }));
  const WallTime now = parts_.clock.wall_now();
  Use use;
  if (parts_.limit_status) {
    for (limits::Status& status : parts_.limit_status(now, kStatusesMax))
      use.emplace(status.limit, std::move(status));
  }
  std::vector<std::string> out;
  for (const LimitRecord& limit : wanted) {
    const auto found = live.find(limit.id);
    out.push_back(limit_json(limit, data, found == live.end() ? nullptr : &found->second,
                             parts_.limit_status ? &use : nullptr, now));
  }
  return out;
}

Result<AdminReply> AdminApi::show_limit(const LimitRecord& limit, const store::ControlData& data,
                                        int status) {
  TRY(const std::vector<std::string> shown, show_limits({limit}, data));
  return AdminReply{status, shown.front(), etag_of(limit.meta.revision)};
}

Result<AdminReply> AdminApi::limits(Request& request) {
  if (request.is("POST", 1) || request.is("PUT", 1)) return put_limit(request);
  // Names in force follow from all limits, whoever asks.
  TRY(const store::ControlData data, request.store->load());
  std::optional<store::ControlData> part;
  const store::ControlData& ours = seen_of(request, data, part);
  if (request.is("GET", 1)) {
    std::vector<LimitRecord> wanted = ours.limits;
    if (const auto name = request.take("tenant")) {
      TRY(const tenancy::Tenant tenant, find_tenant(ours, *name));
      std::erase_if(wanted, [&](const LimitRecord& l) { return l.holder.tenant != tenant.id; });
    }
    TRY(const std::vector<std::string> shown, show_limits(wanted, data));
    std::map<std::string, std::string> by_id;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      by_id.emplace(wanted[i].id.value.text(), shown[i]);
    return page<LimitRecord>(
        request, wanted, [](const LimitRecord& l) { return l.id.value.text(); },
        [&](const LimitRecord& l) { return by_id.at(l.id.value.text()); });
  }
  TRY_VOID(request.no_more_query());
  TRY(LimitRecord limit, limit_named(data, ours, request.path[1]));
  TRY_VOID(may_touch(request, limit));
  if (request.call.method == "GET") return show_limit(limit, data, 200);
  if (request.call.method == "PATCH") return change_limit(request, std::move(limit), data);
  if (request.call.method != "DELETE") return fail(no_such_method(request));
  TRY_VOID(must_be_ours(limit.meta, what(limit)));
  TRY(const std::int64_t at, revision(request, limit.meta.revision));
  if (!limit.holder.tenant.value.is_nil()) request.tenant = limit.holder.tenant;
  if (limit.holder.scope == limits::Scope::user && limit.holder.name != "*")
    request.user = limit.holder.name;
  TRY_VOID(request.store->remove(limit.id, at));
  return AdminReply{.status = 204};
}

// POST makes a new one; PUT makes it or changes the one that is the same but for amount, shadow and
// name, so that whoever says what he wants need not ask first.
Result<AdminReply> AdminApi::put_limit(Request& request) {
  JsonBody body(request.call.body);
  const LimitFields fields = LimitFields::read(body);
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY(store::ControlData data, request.store->load());
  std::optional<store::ControlData> part;
  const store::ControlData& ours = seen_of(request, data, part);
  LimitRecord wanted{.id = {request.ids->next()}};
  const auto directory = parts_.publisher.directory().get();
  if (fields.pool) TRY_VOID(may(request, access::Resource::limits, access::Owner::platform()));
  TRY(wanted.holder, fields.holder(ours, *directory, pool_names()));
  TRY_VOID(may_touch(request, wanted));
  TRY_VOID(check_may_name(request, fields.name.has_value()));
  TRY_VOID(fields.put_into(wanted));
  const auto there = std::ranges::find_if(
      data.limits, [&](const LimitRecord& other) { return is_same(other, wanted); });
  const bool is_there = there != data.limits.end();
  if (is_there) {
    TRY_VOID(must_be_ours(there->meta, what(*there)));
    if (request.call.method == "POST")
      return client_error(Code::conflict,
                          fmt::format("there is this limit already: {}", there->id.value.text()));
    TRY(const std::int64_t at, revision(request, there->meta.revision));
    const std::int64_t amount = wanted.amount;
    wanted = *there;
    wanted.amount = amount;
    wanted.meta.revision = at;
  }
  wanted.name = fields.name.value_or(wanted.name);
  wanted.shadow = fields.shadow.value_or(is_there && wanted.shadow);
  TRY_VOID(check_limit(wanted, data));
  if (is_there && wanted.amount == there->amount && wanted.shadow == there->shadow &&
      wanted.name == there->name)
    return show_limit(wanted, data, 200);
  if (is_there) return changed_limit(request, std::move(wanted), std::move(data), 200);
  TRY_VOID(must_want_new(request));
  TRY_VOID(check_model_of(wanted, callable(request, wanted, *directory)));
  TRY_VOID(check_room(request, data, ours));
  TRY(wanted, request.store->create(std::move(wanted)));
  data.limits.push_back(wanted);
  return written_limit(request, std::move(wanted), std::move(data), 201);
}

// What was used of it is known only when it is in force.
Result<AdminReply> AdminApi::written_limit(Request& request, LimitRecord limit,
                                           store::ControlData data, int status) {
  TRY(AdminReply reply, show_limit(limit, data, status));
  request.afterwards = [this, limit = std::move(limit),
                        data = std::move(data)](AdminReply& answer) {
    if (auto shown = show_limit(limit, data, answer.status)) answer = *std::move(shown);
  };
  return reply;
}

Result<AdminReply> AdminApi::changed_limit(Request& request, LimitRecord limit,
                                           store::ControlData data, int status) {
  TRY(limit, request.store->update(limit));
  std::ranges::replace_if(
      data.limits, [&](const LimitRecord& other) { return other.id == limit.id; }, limit);
  return written_limit(request, std::move(limit), std::move(data), status);
}

Result<AdminReply> AdminApi::change_limit(Request& request, LimitRecord limit,
                                          const store::ControlData& data) {
  JsonBody body(request.call.body);
  const auto name = body.text("name");
  const bool no_name = body.is_null("name");
  const auto amount = body.decimal("amount");
  const auto shadow = body.flag("shadow");
  TRY_VOID(body.done());
  TRY_VOID(must_be_ours(limit.meta, what(limit)));
  TRY(limit.meta.revision, revision(request, limit.meta.revision));
  TRY_VOID(check_may_name(request, name || no_name));
  if (name) limit.name = *name;
  if (no_name) limit.name.clear();
  if (amount) {
    TRY(limit.amount, amount_of(limit.measure, *amount));
  }
  if (shadow) limit.shadow = *shadow;
  TRY_VOID(check_limit(limit, data));
  return changed_limit(request, std::move(limit), data, 200);
}

}  // namespace sovmesh::control

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/decimal.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_body.h"
#include "control/json_text.h"
#include "control/pool_members.h"

// The pools of the admin API: what their parts have and use, and the shares that it sets.
namespace sovmesh::control {
namespace {

using store::PoolMemberRecord;

// Of GPUs.
std::string rate_text(double rate) {
  return micro_text(std::llround(rate * static_cast<double>(Decimal::kMicro)));
}

JsonText& add_decimal(JsonText& json, std::string_view name, const std::optional<Decimal>& value) {
  return value ? json.text(name, std::string_view(to_text(*value))) : json.null(name);
}
JsonText& add_count(JsonText& json, std::string_view name, const std::optional<int>& value) {
  return value ? json.number(name, *value) : json.null(name);
}
JsonText& add_name(JsonText& json, std::string_view name, const std::string& text) {
  return text.empty() ? json.null(name) : json.text(name, std::string_view(text));
}

bool is_same(const config::Member& a, const config::Member& b) {
  return a.tenant == b.tenant && a.project == b.project;
}

// The member that a part is of; null: nobody named it.
const config::Member* member_at(const config::Pool& pool, const PoolPart& part) {
  std::string_view tenant = part.path;
  std::string_view project;
  const auto take_last = [&] {
    const auto slash = tenant.rfind('/');
    const std::string_view last = slash == tenant.npos ? tenant : tenant.substr(slash + 1);
    tenant = slash == tenant.npos ? std::string_view() : tenant.substr(0, slash);
    return last;
  };
  if (part.level == "project") project = take_last();
  if (part.level != "project" && part.level != "tenant") return nullptr;
  tenant = take_last();
  const auto found = std::ranges::find_if(pool.members, [&](const config::Member& member) {
    return member.tenant == tenant && member.project == project;
  });
  return found == pool.members.end() ? nullptr : &*found;
}

// `member`: as it is in force; null: it has the defaults, or is no member.
std::string to_json(const PoolPart& part, const config::Member* member) {
  JsonText json;
  json.text("pool", part.pool).text("part", part.path).text("level", part.level);
  for (const auto& [name, rate] :
       {std::pair("guaranteed", part.guaranteed), std::pair("weight", part.weight),
        std::pair("used", part.used), std::pair("borrowed", part.borrowed),
        std::pair("lent", part.lent), std::pair("history", part.history)})
    json.text(name, rate_text(rate));
  json.number("waiting", part.waiting).number("running", part.running);
  const config::Member none;
  const config::Member& shown = member != nullptr ? *member : none;
  add_decimal(json, "borrowing_limit", shown.borrowing_limit);
  add_decimal(json, "lending_limit", shown.lending_limit);
  add_count(json, "concurrency_max", shown.concurrency_max);
  add_count(json, "user_concurrency_max", shown.user_concurrency_max);
  if (member == nullptr) return json.null("managed_by").end();
  return json.text("managed_by", shown.position.file.empty() ? "api" : "file").end();
}

void add_share(JsonText& json, const config::PoolShare& share) {
  add_decimal(json, "guaranteed", share.guaranteed);
  add_decimal(json, "borrowing_limit", share.borrowing_limit);
  add_decimal(json, "lending_limit", share.lending_limit);
  add_decimal(json, "weight", share.weight);
}

std::string to_json(const std::string& pool, const config::Member& member,
                    const tenancy::Meta& meta) {
  JsonText json;
  json.text("pool", std::string_view(pool)).text("tenant", std::string_view(member.tenant));
  add_name(json, "project", member.project);
  add_name(json, "cohort", member.cohort);
  add_share(json, member);
  add_count(json, "concurrency_max", member.concurrency_max);
  add_count(json, "user_concurrency_max", member.user_concurrency_max);
  add_meta(json, meta);
  return json.end();
}

struct Holder {
  TenantId tenant;
  ProjectId project;  // nil: the tenant itself

  auto record_in(std::vector<PoolMemberRecord>& records, const std::string& pool) const {
    return std::ranges::find_if(records, [&](const PoolMemberRecord& record) {
      return record.pool == pool && record.tenant == tenant && record.project == project;
    });
  }
};

Result<Holder> holder_of(const store::ControlData& data, const std::string& tenant,
                         const std::optional<std::string>& project) {
  TRY(const tenancy::Tenant owner, find_tenant(data, tenant));
  if (!project) return Holder{.tenant = owner.id, .project = {}};
  TRY(const tenancy::Project part, find_project_of(data, owner.id, *project));
  return Holder{.tenant = owner.id, .project = part.id};
}

// What a caller may say of a share. What is not said stays, null takes back.
struct ShareFields {
  std::optional<std::string> cohort;
  std::optional<Decimal> guaranteed;
  std::optional<Decimal> borrowing_limit;
  std::optional<Decimal> lending_limit;
  std::optional<Decimal> weight;
  std::optional<std::int64_t> concurrency_max;
  std::optional<std::int64_t> user_concurrency_max;
  bool no_cohort = false;
  bool no_borrowing_limit = false;
  bool no_lending_limit = false;
  bool no_concurrency_max = false;
  bool no_user_concurrency_max = false;

  friend bool operator==(const ShareFields&, const ShareFields&) = default;
  static ShareFields read(JsonBody& body) {
    constexpr std::int64_t kCountMax = std::numeric_limits<std::int32_t>::max();
    return {.cohort = body.text("cohort"),
            .guaranteed = body.decimal("guaranteed"),
            .borrowing_limit = body.decimal("borrowing_limit"),
            .lending_limit = body.decimal("lending_limit"),
            .weight = body.decimal("weight"),
            .concurrency_max = body.number("concurrency_max", 1, kCountMax),
            .user_concurrency_max = body.number("user_concurrency_max", 1, kCountMax),
            .no_cohort = body.is_null("cohort"),
            .no_borrowing_limit = body.is_null("borrowing_limit"),
            .no_lending_limit = body.is_null("lending_limit"),
            .no_concurrency_max = body.is_null("concurrency_max"),
            .no_user_concurrency_max = body.is_null("user_concurrency_max")};
  }

  Result<void> put_into(PoolMemberRecord& record) const {
    const auto put = [](const std::optional<Decimal>& value, const char* name,
                        auto& into) -> Result<void> {
      if (!value) return {};
      const auto micro = value->micro();
      if (!micro) return client_error(Code::invalid_value, "too large", name);
      into = *micro;
      return {};
    };
    if (no_cohort) record.cohort.clear();
    if (no_borrowing_limit) record.borrowing_limit.reset();
    if (no_lending_limit) record.lending_limit.reset();
    if (no_concurrency_max) record.concurrency_max.reset();
    if (no_user_concurrency_max) record.user_concurrency_max.reset();
    TRY_VOID(put(guaranteed, "guaranteed", record.guaranteed));
    TRY_VOID(put(borrowing_limit, "borrowing_limit", record.borrowing_limit));
    TRY_VOID(put(lending_limit, "lending_limit", record.lending_limit));
    TRY_VOID(put(weight, "weight", record.weight));
    if (concurrency_max) record.concurrency_max = concurrency_max;
    if (user_concurrency_max) record.user_concurrency_max = user_concurrency_max;
    if (!cohort) return {};
    if (!record.project.value.is_nil())
      return client_error(Code::invalid_value, "a project is where its tenant is", "cohort");
    record.cohort = *cohort;
    return {};
  }
};

}  // namespace

std::vector<std::string> AdminApi::pool_names() const {
  std::vector<std::string> names;
  for (const config::Pool& pool : *parts_.publisher.state().pools)
    names.push_back(pool.name);
  return names;
}

Result<AdminReply> AdminApi::pools(Request& request) {
  const auto in_force = parts_.publisher.state().pools;
  const auto pool_named = [&](const std::string& name) -> const config::Pool* {
    const auto found = std::ranges::find(*in_force, name, &config::Pool::name);
    return found == in_force->end() ? nullptr : &*found;
  };
  if (request.is("GET", 1)) {
    std::vector<PoolPart> parts = parts_.pools ? parts_.pools() : std::vector<PoolPart>();
    if (const auto pool = request.take("pool"))
      std::erase_if(parts, [&](const PoolPart& part) { return part.pool != *pool; });
    return page<PoolPart>(
        request, parts, [](const PoolPart& part) { return part.pool + "/" + part.path; },
        [&](const PoolPart& part) {
          const config::Pool* const pool = pool_named(part.pool);
          return to_json(part, pool == nullptr ? nullptr : member_at(*pool, part));
        });
  }
  const config::Pool* const pool = pool_named(request.path[1]);
  if (pool == nullptr) return no_such("pool", request.path[1], pool_names(), "pool");
  TRY_VOID(request.no_more_query());
  if (request.is("GET", 2)) return show_pool(*pool);
  return request.path[2] == "set" ? set_pool_member(request, *pool)
                                  : remove_pool_member(request, *pool);
}

Result<AdminReply> AdminApi::show_pool(const config::Pool& pool) const {
  std::vector<std::string> parts;
  for (const PoolPart& part : parts_.pools ? parts_.pools() : std::vector<PoolPart>())
    if (part.pool == pool.name) parts.push_back(to_json(part, member_at(pool, part)));
  std::vector<std::string> cohorts;
  for (const config::Cohort& cohort : pool.cohorts) {
    JsonText json;
    json.text("name", std::string_view(cohort.name));
    add_name(json, "cohort", cohort.cohort);
    add_share(json, cohort);
    cohorts.push_back(json.end());
  }
  JsonText json;
  json.text("name", std::string_view(pool.name)).texts("engines", pool.engines);
  add_decimal(json, "capacity", pool.capacity);
  json.raw("cohorts", json_list(cohorts)).raw("parts", json_list(parts));
  return AdminReply{.body = json.end()};
}

// The whole pool as it would be, by the same check as the file's.
Result<void> AdminApi::check_pool(const std::string& name, const store::ControlData& data) const {
  const auto declared = parts_.publisher.file_pool(name);
  if (!declared || !parts_.check_pool) return {};
  return parts_.check_pool(pools_with({*declared}, data).front());
}

Result<AdminReply> AdminApi::set_pool_member(Request& request, const config::Pool& pool) {
  JsonBody body(request.call.body);
  const std::string tenant = body.required_text("tenant");
  const auto project = body.text("project");
  const ShareFields fields = ShareFields::read(body);
  TRY_VOID(body.done());
  TRY(store::ControlData data, request.store->load());
  TRY(const Holder holder, holder_of(data, tenant, project));
  const auto known = holder.record_in(data.pool_members, pool.name);
  const bool is_there = known != data.pool_members.end();
  PoolMemberRecord wanted{.id = {request.ids->next()},
                          .pool = pool.name,
                          .tenant = holder.tenant,
                          .project = holder.project};
  if (is_there) {
    wanted = *known;
    TRY(wanted.meta.revision, revision(request, known->meta.revision));
    request.present = to_json(pool.name, member_of(*known, data), known->meta);
    data.pool_members.erase(known);
  } else if (data.pool_members.size() >= kPoolMembersMax) {
    return client_error(Code::conflict, fmt::format("there are {} already", kPoolMembersMax));
  } else {
    TRY_VOID(must_want_new(request));
  }
  TRY_VOID(fields.put_into(wanted));
  const config::Member member = member_of(wanted, data);
  if (const auto declared = parts_.publisher.file_pool(pool.name)) {
    for (const config::Member& other : declared->members)
      if (is_same(other, member))
        return files_alone(member_text(pool.name, member), other.position.text());
  }
  if (fields == ShareFields{})
    return client_error(Code::missing_required_parameter,
                        "nothing is said of the share: guaranteed, weight, a limit or a cohort");
  data.pool_members.push_back(wanted);
  TRY_VOID(check_pool(pool.name, data));
  TRY(wanted, is_there ? request.store->update(wanted) : request.store->create(wanted));
  return AdminReply{is_there ? 200 : 201, to_json(pool.name, member, wanted.meta),
                    etag_of(wanted.meta.revision)};
}

// It has the defaults from then on.
Result<AdminReply> AdminApi::remove_pool_member(Request& request, const config::Pool& pool) {
  JsonBody body(request.call.body);
  const std::string tenant = body.required_text("tenant");
  const auto project = body.text("project");
  TRY_VOID(body.done());
  TRY(store::ControlData data, request.store->load());
  TRY(const Holder holder, holder_of(data, tenant, project));
  config::Member member;
  member.tenant = slug_of(data, holder.tenant);
  if (project) member.project = slug_of(data, holder.project);
  const auto in_pool =
      std::ranges::find_if(pool.members, [&](const auto& other) { return is_same(other, member); });
  const auto known = holder.record_in(data.pool_members, pool.name);
  if (known == data.pool_members.end()) {
    if (in_pool != pool.members.end())
      return files_alone(member_text(pool.name, member), in_pool->position.text());
    return client_error(Code::not_found, "it has no share of its own there", "tenant");
  }
  TRY(const std::int64_t at, revision(request, known->meta.revision));
  request.present = to_json(pool.name, member_of(*known, data), known->meta);
  const store::PoolMemberId id = known->id;
  data.pool_members.erase(known);
  TRY_VOID(check_pool(pool.name, data));
  request.tenant = holder.tenant;
  TRY_VOID(request.store->remove(id, at));
  return AdminReply{.status = 204};
}

}  // namespace sovmesh::control

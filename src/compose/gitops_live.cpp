#include "compose/gitops_live.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace sovmesh::compose::gitops {
namespace {

std::string text_at(const Json& row, const char* name) {
  const auto found = row.find(name);
  return found != row.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The members that a document may have, without those that are null.
Json spec_of(const KindRules& rules, const Json& row) {
  Json spec = Json::object();
  for (const SpecMember& member : rules.spec) {
    const auto found = row.find(std::string(member.name));
    if (found != row.end() && !found->is_null()) spec[std::string(member.name)] = *found;
  }
  return spec;
}

Json without_nulls(const Json& value) {
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json& one : value)
      list.push_back(without_nulls(one));
    return list;
  }
  if (!value.is_object()) return value;
  Json object = Json::object();
  for (const auto& [name, member] : value.items())
    if (!member.is_null()) object[name] = without_nulls(member);
  return object;
}

Live live_of(Kind kind, const Json& row, Json identity) {
  Live live;
  live.kind = kind;
  live.identity = std::move(identity);
  live.spec = spec_of(rules_of(kind), row);
  live.id = text_at(row, "id");
  if (const auto revision = row.find("revision"); revision != row.end())
    live.etag = fmt::format("\"{}\"", revision->dump());
  live.managed_by = text_at(row, "managed_by");
  if (live.managed_by == "api") live.managed_by.clear();
  live.source = text_at(row, "source");
  return live;
}

// What a version gets now is no setting; nor are empty lists.
Json route_spec(const Json& row) {
  Json spec = without_nulls(spec_of(rules_of(Kind::route), row));
  for (Json& version : spec["versions"])
    version.erase("share");
  for (const char* list : {"conditions", "fallbacks"})
    if (spec.contains(list) && spec[list].empty()) spec.erase(list);
  return spec;
}

// "east/aurora/web" of a project: cohorts, its tenant, itself.
struct Place {
  std::string cohort, tenant, project;
};
Place place_of(std::string path, std::string_view level) {
  const auto take_last = [&] {
    const auto slash = path.rfind('/');
    std::string last = slash == path.npos ? path : path.substr(slash + 1);
    path = slash == path.npos ? std::string() : path.substr(0, slash);
    return last;
  };
  Place place;
  if (level == "project") place.project = take_last();
  place.tenant = take_last();
  if (level == "tenant") place.cohort = take_last();
  return place;
}

// A share as pools show it: rates as texts.
Live share_of(const Json& part) {
  const Place place = place_of(text_at(part, "part"), text_at(part, "level"));
  Json identity{{"pool", text_at(part, "pool")}, {"tenant", place.tenant}};
  if (!place.project.empty()) identity["project"] = place.project;
  Live live = live_of(Kind::share, part, std::move(identity));
  if (!place.cohort.empty()) live.spec["cohort"] = place.cohort;
  return live;
}

}  // namespace

std::string usual_limit_name(const Json& limit) {
  const std::string scope = text_at(limit, "scope");
  std::string name = scope + ":";
  if (scope == "project" || scope == "user") name += text_at(limit, "tenant") + "/";
  name += text_at(limit, scope.c_str());
  name += " " + text_at(limit, "measure");
  if (const std::string window = text_at(limit, "window"); !window.empty()) name += "/" + window;
  if (limit.value("rolling", false)) name += " rolling";
  if (const std::string model = text_at(limit, "model"); !model.empty()) name += " for " + model;
  return name;
}

// Of those tenants that have set something. A release of before knows none.
Result<std::vector<Live>> LiveReader::read_settings() {
  std::vector<Live> out;
  const Json nothing = whole_spec(Object{.kind = Kind::settings, .managed_by = {}, .source = {}});
  TRY(const Json tenants, rows_(rules_of(Kind::tenant).path));
  for (const Json& tenant : tenants) {
    const std::string slug = text_at(tenant, "slug");
    const auto rows = rows_(fmt::format("{}/{}/settings", rules_of(Kind::tenant).path, slug));
    if (!rows && rows.error().code() == Code::not_found) return out;
    if (!rows) return fail(rows.error());
    for (const Json& row : *rows) {
      Live live = live_of(Kind::settings, row, {{"tenant", slug}});
      live.spec = without_nulls(live.spec);
      for (const char* part : {"defaults", "maximums", "system_prompts"})
        if (live.spec.contains(part) && live.spec[part].empty()) live.spec.erase(part);
      if (whole_spec(live) != nothing) out.push_back(std::move(live));
    }
  }
  return out;
}

// In the order in which they were made: that is how keys of one name are counted.
std::vector<Live> LiveReader::keys_of(const Json& rows) {
  std::vector<Json> sorted(rows.begin(), rows.end());
  std::ranges::sort(sorted, {}, [](const Json& row) {
    return std::tuple(text_at(row, "created_at"), text_at(row, "id"));
  });
  key_names_.clear();
  std::vector<Live> out;
  std::map<std::string, std::size_t> holders;  // of names, in `out`
  for (const Json& row : sorted) {
    if (!text_at(row, "revoked_at").empty()) continue;  // it is history
    const std::string tenant = text_at(row, "tenant");
    const std::string project = text_at(row, "project");
    std::string name = text_at(row, "display_name");
    bool shares_name = false;
    for (int n = 2;; ++n) {
      const auto [holder, is_free] =
          holders.emplace(tenant + "/" + project + "/" + name, out.size());
      if (is_free) break;
      shares_name = out[holder->second].shares_name = true;
      name = fmt::format("{}#{}", text_at(row, "display_name"), n);
    }
    key_names_[text_at(row, "id")] = project + "/" + name;
    out.push_back(
        live_of(Kind::key, row, {{"tenant", tenant}, {"project", project}, {"name", name}}));
    out.back().shares_name = shares_name;
  }
  return out;
}

// Nothing for one of a key that has ended.
std::optional<Live> LiveReader::limit_of(const Json& row) const {
  Json identity = Json::object();
  for (const IdentityMember& member : rules_of(Kind::limit).identity) {
    const std::string name(member.name);
    const auto found = row.find(name);
    if (found != row.end() && !found->is_null() && *found != false) identity[name] = *found;
  }
  if (const std::string id = text_at(row, "key"); !id.empty()) {
    const auto name = key_names_.find(id);
    if (name == key_names_.end()) return std::nullopt;
    identity["key"] = name->second;
  }
  Live live = live_of(Kind::limit, row, std::move(identity));
  if (text_at(row, "name") == usual_limit_name(row)) live.spec.erase("name");
  return live;
}

// Nothing for one of somebody whom the caller does not see.
std::optional<Live> LiveReader::membership_of(const Json& row) const {
  const auto login = logins_.find(text_at(row, "user"));
  if (login == logins_.end()) return std::nullopt;
  Json identity{{"user", login->second}, {"role", text_at(row, "role")}};
  if (!text_at(row, "tenant").empty()) identity["tenant"] = text_at(row, "tenant");
  return live_of(Kind::membership, row, std::move(identity));
}

// Nothing for what is no object of its own.
std::optional<Live> LiveReader::object_of(Kind kind, const Json& row) {
  switch (kind) {
    case Kind::tenant:
      return live_of(kind, row, {{"name", text_at(row, "slug")}});
    case Kind::project:
      return live_of(kind, row,
                     {{"tenant", text_at(row, "tenant")}, {"name", text_at(row, "slug")}});
    case Kind::user:
      logins_[text_at(row, "id")] = text_at(row, "login");
      return live_of(kind, row, {{"name", text_at(row, "login")}});
    case Kind::membership:
      return membership_of(row);
    case Kind::route: {
      Live live = live_of(kind, row, {{"name", text_at(row, "name")}});
      live.spec = route_spec(row);
      return live;
    }
    case Kind::share: {
      const std::string level = text_at(row, "level");
      const bool is_part = level == "tenant" || level == "project";
      // Without an owner it has what everybody has.
      if (!is_part || text_at(row, "managed_by").empty()) return std::nullopt;
      return share_of(row);
    }
    case Kind::limit:
      return limit_of(row);
    case Kind::webhook: {
      Json identity{{"name", text_at(row, "name")}};
      if (!text_at(row, "tenant").empty()) identity["tenant"] = text_at(row, "tenant");
      return live_of(kind, row, std::move(identity));
    }
    default:
      return live_of(kind, row, {{"name", text_at(row, "name")}});
  }
}

Result<std::vector<Live>> LiveReader::read(Kind kind) {
  if (kind == Kind::settings) return read_settings();
  const auto rows = rows_(rules_of(kind).path);
  // A release of before has none.
  if (!rows && kind == Kind::webhook && rows.error().code() == Code::not_found)
    return std::vector<Live>();
  if (!rows) return fail(rows.error());
  if (kind == Kind::key) return keys_of(*rows);
  std::vector<Live> out;
  for (const Json& row : *rows)
    if (auto object = object_of(kind, row)) out.push_back(*std::move(object));
  return out;
}

Result<LiveByKey> LiveReader::read_all(std::set<Kind>& hidden) {
  LiveByKey all;
  for (const KindRules& rules : all_kinds()) {
    auto some = read(rules.kind);
    if (!some && some.error().code() == Code::insufficient_permissions) {
      hidden.insert(rules.kind);
      continue;
    }
    if (!some) return fail(some.error());
    for (Live& one : *some)
      all.emplace(one.key(), std::move(one));
  }
  return all;
}

Result<void> LiveReader::read_again(Kind kind, LiveByKey& live) {
  if (kind == Kind::membership) TRY_VOID(read(Kind::user));
  if (kind == Kind::limit) TRY_VOID(read(Kind::key));
  TRY(std::vector<Live> some, read(kind));
  std::erase_if(live, [&](const auto& entry) { return entry.second.kind == kind; });
  for (Live& one : some)
    live.emplace(one.key(), std::move(one));
  return {};
}

}  // namespace sovmesh::compose::gitops

#include "compose/gitops_calls.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "compose/admin_cli.h"

namespace sovmesh::compose::gitops {
namespace {

// What a member is to be, in the form in which the API takes it.
Json wanted_value(const Object& object, const SpecMember& member) {
  const auto said = object.spec.find(std::string(member.name));
  Json value = said != object.spec.end()  ? *said
               : member.usual == kTheName ? Json(object.text("name"))
               : member.usual.empty()     ? Json()
                                          : Json::parse(member.usual);
  if (member.name == "cost_centre" && value == "") return nullptr;  // how it is taken back
  return value;
}

const SpecMember* member_named(const KindRules& rules, std::string_view name) {
  const auto found = std::ranges::find(rules.spec, name, &SpecMember::name);
  return found == rules.spec.end() ? nullptr : &*found;
}

std::string target_of(const KindRules& rules, std::string_view name) {
  return fmt::format("{}/{}", rules.path, url_part(name));
}

// The members that the document says.
void add_said(Json& body, const Object& object) {
  for (const auto& [name, value] : object.spec.items())
    body[name] = value;
}

Json body_of_limit(const Object& limit, const LiveByKey& live) {
  Json body = Json::object();
  for (const auto& [name, value] : limit.identity.items())
    body[name] = value;
  if (body.contains("key")) {
    for (const std::string& needed : references_of(limit)) {
      const auto found = live.find(needed);
      if (found != live.end() && found->second.kind == Kind::key) body["key"] = found->second.id;
    }
  }
  body["shadow"] = false;
  add_said(body, limit);
  return body;
}

Json body_of_share(const Object& share) {
  Json body{{"tenant", share.text("tenant")}};
  if (const std::string project = share.text("project"); !project.empty())
    body["project"] = project;
  return body;
}

Json whole_share(const Object& share) {
  Json body = body_of_share(share);
  for (const SpecMember& member : share.rules().spec) {
    if (member.name == "cohort" && !share.text("project").empty() && !share.spec.contains("cohort"))
      continue;  // a project has none
    body[std::string(member.name)] = wanted_value(share, member);
  }
  return body;
}

std::string share_target(const Object& share, const char* verb) {
  return fmt::format("{}/{}", target_of(share.rules(), share.text("pool")), verb);
}

std::string settings_target(const Object& settings) {
  return target_of(rules_of(Kind::tenant), settings.text("tenant")) + "/settings";
}

// Of kinds that are written as a whole, whether they are there or not.
bool put_whole(const Object& object, const LiveByKey& live, Call& call) {
  const KindRules& rules = object.rules();
  Json body = Json::object();
  switch (object.kind) {
    case Kind::tenant:
      body["slug"] = object.text("name");
      break;
    case Kind::model:
    case Kind::route:
      body["name"] = object.text("name");
      break;
    case Kind::settings:
      add_said(body, object);
      call = {"PUT", settings_target(object), body.dump(), call.if_match};
      return true;
    case Kind::limit:
      call = {"PUT", std::string(rules.path), body_of_limit(object, live).dump(), call.if_match};
      return true;
    case Kind::share:
      call = {"POST", share_target(object, "set"), whole_share(object).dump(), call.if_match};
      return true;
    default:
      return false;
  }
  add_said(body, object);
  call = {"PUT", target_of(rules, object.text("name")), body.dump(), call.if_match};
  return true;
}

std::vector<Call> creation(const Object& object, const Document* first_role) {
  const KindRules& rules = object.rules();
  Json body = Json::object();
  std::vector<Call> more;
  switch (object.kind) {
    case Kind::project:
      body = {{"tenant", object.text("tenant")}, {"slug", object.text("name")}};
      break;
    case Kind::user:
      body["login"] = object.text("name");
      if (first_role != nullptr) {
        body["role"] = first_role->text("role");
        if (const std::string tenant = first_role->text("tenant"); !tenant.empty())
          body["tenant"] = tenant;
      }
      break;
    case Kind::membership:
      for (const auto& [name, value] : object.identity.items())
        body[name] = value;
      break;
    case Kind::key:
      body = {{"tenant", object.text("tenant")}, {"project", object.text("project")}};
      if (const std::string name = object.text("name"); !name.empty()) body["display_name"] = name;
      break;
    case Kind::webhook:
      if (const std::string tenant = object.text("tenant"); !tenant.empty())
        body["tenant"] = tenant;
      [[fallthrough]];
    default:
      body["name"] = object.text("name");
  }
  add_said(body, object);
  if (object.kind == Kind::project && body.value("cost_centre", Json()) == "")
    body.erase("cost_centre");
  // It is made first, and then shut.
  if (object.kind == Kind::user && body.contains("disabled")) {
    if (body["disabled"] == true)
      more.push_back({"PATCH", target_of(rules, object.text("name")), R"({"disabled":true})", ""});
    body.erase("disabled");
  }
  more.insert(more.begin(), Call{"POST", std::string(rules.path), body.dump(), ""});
  return more;
}

Call change(const Step& step) {
  const Document& document = *step.document;
  Json body = Json::object();
  for (const Change& one : step.changes) {
    if (const SpecMember* const member = member_named(document.rules(), one.member))
      body[one.member] = wanted_value(document, *member);
  }
  return {"PATCH", target_of(document.rules(), step.live->id), body.dump(), step.live->etag};
}

Call removal(const Live& live) {
  if (live.kind == Kind::share)
    return {"POST", share_target(live, "remove"), body_of_share(live).dump(), live.etag};
  if (live.kind == Kind::settings)  // they are always there: as if nothing had been set
    return {"PUT", settings_target(live), "{}", live.etag};
  const bool by_name = live.kind == Kind::tenant || live.kind == Kind::engine ||
                       live.kind == Kind::model || live.kind == Kind::route;
  return {"DELETE", target_of(live.rules(), by_name ? live.text("name") : live.id), "", live.etag};
}

}  // namespace

std::vector<Call> calls_of(const Step& step, const LiveByKey& live, const Document* first_role) {
  if (step.action == Action::keep || step.action == Action::left_out) return {};
  if (step.action == Action::remove) return {removal(*step.live)};
  Call call{.method = {}, .target = {}, .body = {}, .if_match = step.live ? step.live->etag : ""};
  if (put_whole(*step.document, live, call)) return {call};
  if (step.action == Action::create) return creation(*step.document, first_role);
  return {change(step)};
}

}  // namespace sovmesh::compose::gitops

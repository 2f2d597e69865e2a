#include "compose/gitops_kinds.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>
#include <vector>

#include "base/decimal.h"
#include "base/time_text.h"

namespace sovmesh::compose::gitops {
namespace {

constexpr std::string_view kNull = "null";
constexpr std::string_view kNo = "false";
constexpr std::string_view kYes = "true";
constexpr std::string_view kNone = "[]";
constexpr std::string_view kEmpty = R"("")";
constexpr std::string_view kStays;

constexpr std::array kName{IdentityMember{"name"}};
constexpr std::array kOfTenant{IdentityMember{"tenant"}, IdentityMember{"name"}};
constexpr std::array kMembership{IdentityMember{"user"}, IdentityMember{"role"},
                                 IdentityMember{.name = "tenant", .is_required = false}};
// The display name; where a project has several of one name, "#2" and so on is added.
constexpr std::array kKey{IdentityMember{"tenant"}, IdentityMember{"project"},
                          IdentityMember{.name = "name", .may_be_empty = true}};
constexpr std::array kShare{IdentityMember{"pool"}, IdentityMember{"tenant"},
                            IdentityMember{.name = "project", .is_required = false}};
// A key is PROJECT/NAME, as its own document has them.
constexpr std::array kLimit{
    IdentityMember{.name = "tenant", .is_required = false},
    IdentityMember{.name = "pool", .is_required = false},
    IdentityMember{.name = "project", .is_required = false},
    IdentityMember{.name = "user", .is_required = false},
    IdentityMember{.name = "key", .is_required = false},
    IdentityMember{"measure"},
    IdentityMember{.name = "window", .is_required = false},
    IdentityMember{.name = "rolling", .is_required = false, .type = Type::flag},
    IdentityMember{.name = "model", .is_required = false}};

constexpr std::array kTenantSpec{
    SpecMember{"display_name", Type::text, kTheName},
    SpecMember{"hosts", Type::texts, kNone},
    SpecMember{"suspended", Type::flag, kNo},
    SpecMember{"time_zone", Type::text, R"("UTC")"},
    SpecMember{"currency", Type::text, R"("EUR")"},
};
constexpr std::array kProjectSpec{
    SpecMember{"display_name", Type::text, kTheName},
    SpecMember{"cost_centre", Type::text, kEmpty},
};
constexpr std::array kUserSpec{
    SpecMember{"display_name", Type::text, kTheName}, SpecMember{"disabled", Type::flag, kNo},
    SpecMember{"kind", Type::text, kStays},  // of servers that tell people from services
};
constexpr std::array kEngineSpec{
    SpecMember{"url", Type::text, kStays, true},
    SpecMember{"dialect", Type::text, R"("openai")"},
    SpecMember{"slots", Type::integer, "64"},
};
constexpr std::array kModelSpec{
    SpecMember{"engines", Type::texts, kStays, true},
    SpecMember{"engine_model", Type::text, kTheName},
    SpecMember{"adapter", Type::integer, kNull},
    SpecMember{"artifact", Type::text, kNull},
    SpecMember{"owned_by", Type::text, R"("sovereign-mesh")"},
    SpecMember{"chat", Type::flag, kYes},
    SpecMember{"completions", Type::flag, kYes},
    SpecMember{"embeddings", Type::flag, kNo},
    SpecMember{"tenants", Type::texts, kNull},
    SpecMember{"context_tokens", Type::integer, "0"},
    SpecMember{"output_tokens_max", Type::integer, "0"},
    SpecMember{"choices_max", Type::integer, "8"},
    SpecMember{"extra_fields", Type::texts, kNone},
    SpecMember{"reject_unknown_fields", Type::flag, kYes},
    SpecMember{"first_token_timeout", Type::duration, R"("60s")"},
    SpecMember{"stall_timeout", Type::duration, R"("15s")"},
    SpecMember{"total_timeout", Type::duration, R"("600s")"},
    SpecMember{"commit_after", Type::duration, R"("15s")"},
};
// Compared as a whole, by the reader that the API has (control/route_json.h).
constexpr std::array kRouteSpec{
    SpecMember{"versions", Type::any, kStays, true}, SpecMember{"sticky", Type::any, kStays},
    SpecMember{"grey", Type::any, kStays},           SpecMember{"mirror", Type::any, kStays},
    SpecMember{"conditions", Type::any, kStays},     SpecMember{"fallbacks", Type::any, kStays},
    SpecMember{"timeouts", Type::any, kStays},
};
constexpr std::array kKeySpec{
    SpecMember{"scopes", Type::texts, R"(["inference","read:models","read:usage"])"},
    SpecMember{"models", Type::texts, kNull},
    SpecMember{"owner", Type::text, kNull},
    SpecMember{"expires_at", Type::time, kNull},
    SpecMember{"max_priority", Type::text, R"("interactive")"},
    SpecMember{"labels", Type::labels, "{}"},
};
constexpr std::array kShareSpec{
    SpecMember{"cohort", Type::text, kNull},
    SpecMember{"guaranteed", Type::decimal, R"("0")"},
    SpecMember{"borrowing_limit", Type::decimal, kNull},
    SpecMember{"lending_limit", Type::decimal, kNull},
    SpecMember{"weight", Type::decimal, R"("1")"},
    SpecMember{"concurrency_max", Type::integer, kNull},
    SpecMember{"user_concurrency_max", Type::integer, kNull},
};
constexpr std::array kLimitSpec{
    SpecMember{"amount", Type::decimal, kStays, true},
    SpecMember{"shadow", Type::flag, kNo},
    SpecMember{"name", Type::text, kStays},
};

// Without a tenant: the platform's.
constexpr std::array kWebhook{IdentityMember{.name = "tenant", .is_required = false},
                              IdentityMember{"name"}};
constexpr std::array kWebhookSpec{
    SpecMember{"url", Type::text, kStays, true},
    SpecMember{"events", Type::texts, kStays, true},
    SpecMember{"enabled", Type::flag, kYes},
};

constexpr std::array kSettings{IdentityMember{"tenant"}};
constexpr std::array kSettingsSpec{
    SpecMember{"models", Type::texts, kNull},
    SpecMember{"defaults", Type::any, kNull},
    SpecMember{"maximums", Type::any, kNull},
    SpecMember{"on_excess", Type::text, R"("refuse")"},
    SpecMember{"system_prompts", Type::any, kNull},
    SpecMember{"disclaimer", Type::any, kNull},
};

// In the order of Kind.
constexpr std::array<KindRules, kKinds> kAll{{
    {.kind = Kind::tenant,
     .name = "tenant",
     .plural = "tenants",
     .path = "/api/v1/tenants",
     .identity = kName,
     .spec = kTenantSpec},
    {.kind = Kind::project,
     .name = "project",
     .plural = "projects",
     .path = "/api/v1/projects",
     .identity = kOfTenant,
     .spec = kProjectSpec},
    {.kind = Kind::user,
     .name = "user",
     .plural = "users",
     .path = "/api/v1/users",
     .identity = kName,
     .spec = kUserSpec,
     .can_be_tried = false},
    {.kind = Kind::membership,
     .name = "membership",
     .plural = "memberships",
     .path = "/api/v1/memberships",
     .identity = kMembership,
     .spec = {},
     .can_change = false,
     .can_be_tried = false},
    {.kind = Kind::engine,
     .name = "engine",
     .plural = "engines",
     .path = "/api/v1/engines",
     .identity = kName,
     .spec = kEngineSpec,
     .can_change = false},
    {.kind = Kind::model,
     .name = "model",
     .plural = "models",
     .path = "/api/v1/models",
     .identity = kName,
     .spec = kModelSpec},
    {.kind = Kind::route,
     .name = "route",
     .plural = "routes",
     .path = "/api/v1/routes",
     .identity = kName,
     .spec = kRouteSpec},
    {.kind = Kind::key,
     .name = "key",
     .plural = "keys",
     .path = "/api/v1/keys",
     .identity = kKey,
     .spec = kKeySpec,
     .text = "key"},
    {.kind = Kind::share,
     .name = "share",
     .plural = "shares",
     .path = "/api/v1/pools",
     .identity = kShare,
     .spec = kShareSpec},
    {.kind = Kind::limit,
     .name = "limit",
     .plural = "limits",
     .path = "/api/v1/limits",
     .identity = kLimit,
     .spec = kLimitSpec},
    {.kind = Kind::settings,
     .name = "settings",
     .plural = "settings",
     .path = "/api/v1/tenants",
     .identity = kSettings,
     .spec = kSettingsSpec},
    {.kind = Kind::webhook,
     .name = "webhook",
     .plural = "webhooks",
     .path = "/api/v1/webhooks",
     .identity = kWebhook,
     .spec = kWebhookSpec,
     .text = "secret"},
}};

Json sorted(const Json& list) {
  std::vector<Json> values(list.begin(), list.end());
  std::ranges::sort(values, {}, [](const Json& value) { return value.dump(); });
  return Json(values);
}

// Without members that are null; an empty list or mapping is null.
Json without_nothing(const Json& value) {
  if (value.is_array()) {
    Json list = Json::array();
    for (const Json& one : value)
      list.push_back(without_nothing(one));
    return list.empty() ? Json() : list;
  }
  if (!value.is_object()) return value;
  Json object = Json::object();
  for (const auto& [name, member] : value.items())
    if (Json kept = without_nothing(member); !kept.is_null()) object[name] = std::move(kept);
  return object.empty() ? Json() : object;
}

Json canonical_decimal(const Json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  // "250.00" and "1.50" say no more than "250" and "1.5".
  const auto decimal = parse_decimal(text);
  return decimal ? Json(to_text(*decimal)) : value;
}

}  // namespace

std::span<const KindRules> all_kinds() { return kAll; }

const KindRules& rules_of(Kind kind) { return kAll.at(static_cast<std::size_t>(kind)); }

const KindRules* find_kind(std::string_view name) {
  const auto found = std::ranges::find(kAll, name, &KindRules::name);
  return found == kAll.end() ? nullptr : &*found;
}

Json canonical(Type type, const Json& value) {
  if (value.is_null()) return value;
  switch (type) {
    case Type::decimal:
      return canonical_decimal(value);
    case Type::time: {
      const auto time = value.is_string() ? parse_rfc3339(value.get<std::string>()) : std::nullopt;
      return time ? Json(to_rfc3339(*time)) : value;
    }
    case Type::duration: {
      const auto time = value.is_string() ? parse_duration(value.get<std::string>()) : std::nullopt;
      return time ? Json(duration_text(*time)) : value;
    }
    case Type::texts:
      return value.is_array() ? sorted(value) : value;
    case Type::labels:
      return Json(nlohmann::json(value));  // by name
    case Type::any:
      return Json(nlohmann::json(without_nothing(value)));
    default:
      return value;
  }
}

}  // namespace sovmesh::compose::gitops

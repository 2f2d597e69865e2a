#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/priority_class.h"

namespace sovmesh::tenancy {

// Who may change an object: the configuration file that declares it (then `source` is "file:line"),
// or the admin API.
struct Ownership {
  enum class By : std::uint8_t { api, file };
  By by = By::api;
  std::string source;
  friend bool operator==(const Ownership&, const Ownership&) = default;
};

// What every stored object has. `revision` grows by one with each change and is its ETag.
struct Meta {
  std::int64_t revision = 0;
  WallTime created_at{};
  WallTime updated_at{};
  Ownership ownership;
};

// A tenant wants its whole answers kept for repeats of an Idempotency-Key: each for so long, all
// together in so many bytes.
struct ReplayPolicy {
  std::chrono::milliseconds ttl{0};
  std::int64_t bytes_max = 0;
};

struct Tenant {
  TenantId id;
  TenantSlug slug;  // unique among the living
  std::string display_name;
  std::vector<std::string> hosts;  // own host names, lower case, without port
  bool suspended = false;
  std::string time_zone = "UTC";  // an IANA name: where its days and months begin
  std::string currency = "EUR";   // ISO 4217, 3 capitals
  Meta meta;
};

constexpr std::size_t kCostCentreMax = 64;

struct Project {
  ProjectId id;
  TenantId tenant;
  ProjectSlug slug;  // unique within its tenant
  std::string display_name;
  std::string cost_centre;  // where its costs are booked; at most kCostCentreMax bytes
  Meta meta;
};

// What a key may do. Data-plane scopes for now; a key never gets more than its creator has.
enum class Scope : std::uint8_t { inference, models_read, usage_read };
constexpr std::size_t kScopes = 3;
std::string_view name(Scope scope);  // "inference", "read:models", "read:usage"
std::optional<Scope> parse_scope(std::string_view text);

struct Key {
  KeyId id;
  TenantId tenant;
  ProjectId project;
  std::string display_name;
  std::bitset<kScopes> scopes;
  std::optional<std::set<ModelName>> models;  // nothing: every model of the tenant
  std::optional<std::string> owner;           // the user whose limits it counts against
  PriorityClass max_priority = PriorityClass::interactive;  // of its requests, at most
  // What routes may go by, as {"tier": "gold"}. The caller cannot choose them.
  std::map<std::string, std::string> labels;
  std::optional<WallTime> expires_at;
  std::optional<WallTime> revoked_at;
  std::int32_t pepper_id = 0;
  Digest hmac{};          // HMAC-SHA256(pepper, whole key)
  std::string last_four;  // for display
  // The text before the last rotation: it works until then, beside the present one.
  struct Previous {
    std::int32_t pepper_id = 0;
    Digest hmac{};
    WallTime until{};
    friend bool operator==(const Previous&, const Previous&) = default;
  };
  std::optional<Previous> previous;
  Meta meta;

  bool has(Scope scope) const { return scopes.test(static_cast<std::size_t>(scope)); }
};

}  // namespace sovmesh::tenancy

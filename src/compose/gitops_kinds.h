#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

// What `sovmesh export`, `diff` and `apply` know of the kinds of objects: one table. Pure.
namespace sovmesh::compose::gitops {

using Json = nlohmann::ordered_json;

// In the order in which they are made: what comes later may name what comes before.
enum class Kind : std::uint8_t {
  tenant,
  project,
  user,
  membership,
  engine,
  model,
  route,
  key,
  share,  // of a pool
  limit,
  settings,  // of a tenant; always there, and a document only where something is set
  webhook,
};
inline constexpr std::size_t kKinds = 12;

// How a value is written and when two of them are the same.
enum class Type : std::uint8_t {
  text,
  flag,
  integer,
  decimal,   // a number that may have decimals: 1.5 and "1.50" are one
  time,      // as in RFC 3339
  duration,  // 30s and 30000ms are one
  texts,     // a set: the order says nothing
  labels,    // name: text
  any,       // as YAML has it
};

struct IdentityMember {
  std::string_view name;
  bool is_required = true;
  Type type = Type::text;
  bool may_be_empty = false;
};
struct SpecMember {
  std::string_view name;
  Type type;
  // JSON of what it is when nobody says it. kTheName: as the object is called. Empty: whatever it
  // is, it stays.
  std::string_view usual;
  bool is_required = false;
};
inline constexpr std::string_view kTheName = "@name";

struct KindRules {
  Kind kind;
  std::string_view name;    // in documents: "tenant"
  std::string_view plural;  // name of the file that an export writes: "tenants"
  std::string_view path;    // its list in the admin API
  std::span<const IdentityMember> identity;
  std::span<const SpecMember> spec;
  bool can_change = true;    // false: it can only be made and removed
  bool can_be_tried = true;  // the API takes dry_run
  // The server makes a text for each that is shown once: one is made only for who asked for that.
  std::string_view text = {};  // the member of the answer
};

std::span<const KindRules> all_kinds();
const KindRules& rules_of(Kind kind);
const KindRules* find_kind(std::string_view name);

// The value in the one form in which equal ones are equal. What makes no sense stays as it is: the
// server says what is wrong with it.
Json canonical(Type type, const Json& value);

}  // namespace sovmesh::compose::gitops

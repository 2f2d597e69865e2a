#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/ids.h"
#include "base/result.h"
#include "base/time_zone.h"

namespace sovmesh::limits {

enum class Scope : std::uint8_t { key, user, project, tenant, pool };
enum class Measure : std::uint8_t {
  requests,
  input_tokens,
  output_tokens,
  total_tokens,  // input and output together
  concurrency,   // requests that run at this moment
  money_micro,   // millionths of the tenant's currency
  gpu_microseconds,
};
enum class Window : std::uint8_t { none, second, minute, hour, day, month, lifetime };
enum class Alignment : std::uint8_t { calendar, rolling };

constexpr std::size_t kScopes = 5;
constexpr std::size_t kMeasures = 7;

// The words of the configuration: "tenant", "output_tokens", "day", "rolling".
std::string_view name(Scope scope);
std::string_view name(Measure measure);
std::string_view name(Window window);
std::string_view name(Alignment alignment);
std::optional<Scope> parse_scope(std::string_view text);
std::optional<Measure> parse_measure(std::string_view text);
std::optional<Window> parse_window(std::string_view text);
std::optional<Alignment> parse_alignment(std::string_view text);

// What is limited and over which time: "output_tokens/day"; "concurrency" has no window.
struct Rate {
  Measure measure = Measure::requests;
  Window window = Window::minute;
  friend bool operator==(const Rate&, const Rate&) = default;
};
std::string to_text(const Rate& rate);
Result<Rate> parse_rate(std::string_view text);

// "tenant:aurora", "user:*". `name` is what the configuration calls it; the caller looks up the id.
struct ScopeName {
  Scope scope = Scope::tenant;
  std::string name;  // "*": each one has a balance of its own
};
Result<ScopeName> parse_scope_name(std::string_view text);

// Exactly one key, user, project, tenant or pool. Ids and not names, because names may be reused.
// A user is one of a tenant's: the same name elsewhere is somebody else.
class ScopeKey {
 public:
  static ScopeKey of(const KeyId& key) { return {Scope::key, {}, std::string(key.text())}; }
  static ScopeKey of(ProjectId project) { return {Scope::project, project.value, {}}; }
  static ScopeKey of(TenantId tenant) { return {Scope::tenant, tenant.value, {}}; }
  static ScopeKey user(TenantId tenant, std::string name) {
    return {Scope::user, tenant.value, std::move(name)};
  }
  static ScopeKey pool(std::string name) { return {Scope::pool, {}, std::move(name)}; }

  Scope scope() const { return scope_; }
  // Of a project or tenant; of a user the tenant; nil otherwise.
  const Ulid& id() const { return id_; }
  // Of a key its id, of a user or pool its name; empty otherwise.
  const std::string& text() const { return text_; }
  friend auto operator<=>(const ScopeKey&, const ScopeKey&) = default;

 private:
  ScopeKey(Scope scope, const Ulid& id, std::string text)
      : scope_(scope), id_(id), text_(std::move(text)) {}

  Scope scope_;
  Ulid id_;
  std::string text_;
};

// Whom a limit is for: one, or each of a kind (every user of a tenant), who then has a balance of
// his own.
class Target {
 public:
  // `text` is what people read: "tenant:aurora".
  static Target one(ScopeKey key, std::string text) {
    return {key.scope(), std::move(key), {}, std::move(text)};
  }
  // Each key, user or project of one tenant, or of all of them; each tenant; each pool.
  static Target each(Scope scope, std::optional<TenantId> within = {}) {
    return {scope, {}, within, std::string(name(scope)) + ":*"};
  }

  Scope scope() const { return scope_; }
  const std::optional<ScopeKey>& only() const { return only_; }  // nothing: each
  const std::optional<TenantId>& within() const { return within_; }
  const std::string& text() const { return text_; }
  // Text does not count: renaming a tenant changes no balance.
  friend bool operator==(const Target& a, const Target& b) {
    return a.scope_ == b.scope_ && a.only_ == b.only_ && a.within_ == b.within_;
  }

 private:
  Target(Scope scope, std::optional<ScopeKey> only, std::optional<TenantId> within,
         std::string text)
      : scope_(scope), only_(std::move(only)), within_(within), text_(std::move(text)) {}

  Scope scope_;
  std::optional<ScopeKey> only_;
  std::optional<TenantId> within_;
  std::string text_;
};

// More than anybody needs, and sums of a few thousand of them still fit into 64 bits.
constexpr std::int64_t kAmountMax = 1'000'000'000'000'000;

struct Limit {
  std::string name;  // unique, of the configuration: a label in metrics
  Target target;
  Measure measure = Measure::requests;
  Window window = Window::minute;
  Alignment alignment = Alignment::calendar;
  TimeZone zone;            // whose calendar; UTC for rolling windows
  std::int64_t amount = 0;  // tokens, millionths, microseconds: 1..kAmountMax
  bool shadow = false;      // counts what it would have refused, and refuses nothing
  std::string model;        // public name; empty: all models
};

// Code::config_invalid, with the field as its param, for what cannot take effect: a window for
// concurrency, none for anything else, a rolling month or lifetime, a zone for a rolling window,
// an amount that is not in 1..kAmountMax.
Result<void> validate(const Limit& limit);
// "tenant:aurora output_tokens/day", with the model and what else is out of the ordinary behind it.
std::string to_text(const Limit& limit);

// A limit's window at `now`: when it began and when it is renewed. Rolling windows: the last
// minute, hour or day, and the end is `now`. Lifetime and none: from the beginning to the end of
// time.
TimeZone::Period window_at(Window window, Alignment alignment, TimeZone zone, WallTime now);

}  // namespace sovmesh::limits

template <>
struct std::hash<sovmesh::limits::ScopeKey> {
  std::size_t operator()(const sovmesh::limits::ScopeKey& key) const noexcept;
};

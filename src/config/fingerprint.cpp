// Which parts of two configurations differ, told from the same table that the reader uses.
#include <fmt/format.h>

#include <iterator>

#include "base/bytes.h"
#include "base/hash.h"
#include "config/describe.h"
#include "config/load.h"

namespace sovmesh::config {
namespace {

// Writes every value of a section, each with its length, so that no two sections look the same.
class ValueVisitor {
 public:
  explicit ValueVisitor(std::string& out) : out_(out) {}

  void position(Position&) {}  // moving lines changes nothing
  void given(Given&) {}        // nor does writing down a default
  template <class T>
  void field(std::string_view, T& value, std::string_view, Bounds = kAny) {
    put(value);
  }
  void choice(std::string_view, std::string& value, std::string_view,
              std::initializer_list<std::string_view>) {
    put(value);
  }
  template <class T>
  void required(std::string_view, T& value, std::string_view, Bounds = kAny) {
    put(value);
  }
  void kind(bool& managed) { put(managed); }
  template <class T>
  void optional_section(std::string_view, std::optional<T>& value, std::string_view) {
    put(value.has_value());
    if (value) describe(*this, *value);
  }
  void secret(std::string_view, Secret& value, std::string_view) { put(value); }
  void required_secret(std::string_view, Secret& value, std::string_view) { put(value); }
  void optional_secret(std::string_view, std::optional<Secret>& value, std::string_view) {
    put(value);
  }
  void file_contents(std::string_view, std::string& value, std::string_view) { put(value); }

 private:
  void put(std::string_view text) {
    fmt::format_to(std::back_inserter(out_), "{}:{};", text.size(), text);
  }
  void put(const std::string& text) { put(std::string_view(text)); }
  void put(const Secret& secret) { put(secret.reveal()); }
  template <std::integral T>
  void put(T value) {
    fmt::format_to(std::back_inserter(out_), "{};", value);
  }
  void put(std::chrono::milliseconds value) { put(value.count()); }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  void put(const std::vector<std::string>& texts) {
    put(texts.size());
    for (const std::string& text : texts)
      put(text);
  }
  void put(const std::map<std::string, bool>& flags) {
    put(flags.size());
    for (const auto& [name, value] : flags) {
      put(name);
      put(value);
    }
  }

  std::string& out_;
};

template <class T>
std::string digest_of(T& section) {
  std::string values;
  ValueVisitor visitor(values);
  if constexpr (requires { section.begin(); }) {
    for (auto& one : section)
      describe(visitor, one);
  } else {
    describe(visitor, section);
  }
  const Digest digest = sha256(values);
  return to_hex(std::span(digest));
}

// Which engines are together, and how: limits and members change live.
std::string digest_of_pools(const std::vector<Pool>& pools) {
  std::string values;
  for (const Pool& pool : pools) {
    const PoolTargets targets = pool.targets.value_or(PoolTargets{});
    values += fmt::format("{} {} {} {} {} {} {} {} {} {} {} {}\n", pool.name,
                          fmt::join(pool.engines, ","), pool.locality_window.count(),
                          pool.reclaim_after.count(), pool.borrower_tokens_max,
                          pool.interactive_share, pool.agent_share, pool.batch_share,
                          pool.targets.has_value(), targets.first_token.count(),
                          targets.first_token_per_1000.count(), targets.per_token.count());
  }
  const Digest digest = sha256(values);
  return to_hex(std::span(digest));
}

}  // namespace

std::map<std::string, std::string> fixed_parts(Config config) {
  return {{"server", digest_of(config.server)},     {"log", digest_of(config.log)},
          {"security", digest_of(config.security)}, {"engines", digest_of(config.engines)},
          {"webhooks", digest_of(config.webhooks)}, {"audit", digest_of(config.audit)},
          {"ledger", digest_of(config.ledger)},     {"pools", digest_of_pools(config.pools)}};
}

}  // namespace sovmesh::config

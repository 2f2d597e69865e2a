// The configuration that is in force, for people to read: from the same table as the reader.
#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/time_text.h"
#include "config/describe.h"
#include "config/load.h"

namespace sovmesh::config {
namespace {

using nlohmann::ordered_json;

// As it could stand in the file.
ordered_json shown(std::chrono::milliseconds value) { return duration_text(value); }
ordered_json shown(const Decimal& value) { return to_text(value); }
ordered_json shown(const Secret& secret) {
  if (secret.empty()) return nullptr;
  return secret.reference().empty() ? std::string("set") : std::string(secret.reference());
}
template <class T>
ordered_json shown(const T& value) {
  return value;
}
template <class T>
ordered_json shown(const std::optional<T>& value) {
  return value ? shown(*value) : ordered_json();
}

class JsonVisitor {
 public:
  ordered_json take() && { return std::move(out_); }

  void position(Position&) {}
  void given(Given&) {}
  void includes(std::string_view, std::string_view) {}  // what they say is in here
  template <class T>
  void field(std::string_view name, T& value, std::string_view, Bounds = kAny) {
    add(name, shown(value));
  }
  template <class T>
  void required(std::string_view name, T& value, std::string_view, Bounds = kAny) {
    add(name, shown(value));
  }
  void choice(std::string_view name, std::string& value, std::string_view,
              std::initializer_list<std::string_view>) {
    add(name, value);
  }
  void required_choice(std::string_view name, std::string& value, std::string_view,
                       std::initializer_list<std::string_view>) {
    add(name, value);
  }
  void optional_choice(std::string_view name, std::optional<std::string>& value, std::string_view,
                       std::initializer_list<std::string_view>) {
    add(name, shown(value));
  }
  void kind(bool& managed) { add("kind", managed ? "managed" : "remote"); }
  void never(std::string_view name, std::optional<std::chrono::milliseconds>& value,
             std::string_view) {
    add(name, value ? shown(*value) : ordered_json("never"));
  }
  template <class T>
  void section(std::string_view name, T& value, std::string_view) {
    add(name, object_of(value));
  }
  template <class T>
  void optional_section(std::string_view name, std::optional<T>& value, std::string_view) {
    add(name, value ? object_of(*value) : ordered_json());
  }
  template <class T>
  void list(std::string_view name, std::vector<T>& values, std::string_view) {
    ordered_json all = ordered_json::array();
    for (T& value : values)
      all.push_back(object_of(value));
    add(name, std::move(all));
  }
  void secret(std::string_view name, Secret& value, std::string_view) { add(name, shown(value)); }
  void required_secret(std::string_view name, Secret& value, std::string_view) {
    add(name, shown(value));
  }
  void optional_secret(std::string_view name, std::optional<Secret>& value, std::string_view) {
    add(name, shown(value));
  }
  void file_contents(std::string_view name, std::string& value, std::string_view) {
    add(name, value.empty() ? ordered_json() : ordered_json("sha256:" + to_hex(sha256(value))));
  }

 private:
  template <class T>
  static ordered_json object_of(T& value) {
    JsonVisitor inner;
    describe(inner, value);
    return std::move(inner).take();
  }
  void add(std::string_view name, ordered_json value) {
    out_[std::string(name)] = std::move(value);
  }

  ordered_json out_ = ordered_json::object();
};

// The engines' pools as they were started, with what of them changes while they run. What is new in
// the file is no pool yet, and what is gone from it goes on without limits.
std::vector<Pool> running_pools(std::vector<Pool> running, std::vector<Pool>& loaded) {
  for (Pool& pool : running) {
    const auto next = std::ranges::find(loaded, pool.name, &Pool::name);
    if (next == loaded.end()) {
      pool.limits.clear();
      continue;
    }
    pool.limits = std::move(next->limits);
    pool.capacity = next->capacity;
    pool.cohorts = std::move(next->cohorts);
    pool.members = std::move(next->members);
    pool.position = std::move(next->position);
  }
  return running;
}

}  // namespace

Config in_force(Config loaded, const Config& running, const std::vector<std::string>& pending) {
  const auto is_pending = [&](std::string_view name) {
    return std::ranges::find(pending, name) != pending.end();
  };
  if (is_pending("server")) loaded.server = running.server;
  if (is_pending("log")) loaded.log = running.log;
  if (is_pending("security")) loaded.security = running.security;
  if (is_pending("engines")) loaded.engines = running.engines;
  if (is_pending("webhooks")) loaded.webhooks = running.webhooks;
  if (is_pending("audit")) loaded.audit = running.audit;
  if (is_pending("ledger")) loaded.ledger = running.ledger;
  if (is_pending("pools")) loaded.pools = running_pools(running.pools, loaded.pools);
  return loaded;
}

void use_members(Config& config, const std::vector<Pool>& live) {
  for (Pool& pool : config.pools) {
    const auto found = std::ranges::find(live, pool.name, &Pool::name);
    if (found != live.end()) pool.members = found->members;
  }
}

std::string effective_json(Config config) {
  JsonVisitor visitor;
  describe(visitor, config);
  return std::move(visitor).take().dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace sovmesh::config

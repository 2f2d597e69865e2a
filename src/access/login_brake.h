#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace sovmesh::access {

// Slows down whoever tries passwords: after some failures of a name, or from an address, each
// further one doubles the time until the next try is looked at. Plain arithmetic: no clock, no
// lock. A try counts as failed from its begin, so that tries at the same time count as well; one
// that has to wait leaves nothing here, so that nobody is pushed out by tries that cost nothing.
class LoginBrake {
 public:
  static constexpr std::size_t kEntriesMax = 10'000;  // names, and as many addresses
  static constexpr int kFreeOfName = 5;
  static constexpr int kFreeOfAddress = 20;
  static constexpr std::chrono::seconds kNameWaitMax{30};  // who is attacked can still sign in
  static constexpr std::chrono::seconds kAddressWaitMax{300};
  static constexpr std::chrono::seconds kFullWait{5};  // where there is no room for a new one
  static constexpr std::chrono::minutes kForgottenAfter{15};

  // How long the caller has to wait; zero: his try may begin, and counts as a failure until
  // succeeded().
  std::chrono::seconds begin(std::string_view login, std::string_view address, Instant now);
  void succeeded(std::string_view login, std::string_view address);
  std::size_t names() const { return names_.size(); }
  std::size_t addresses() const { return addresses_.size(); }

 private:
  struct Entry {
    int failures = 0;
    Instant last{};
    Instant next{};  // a try before it is refused
  };
  using Entries = std::map<std::string, Entry, std::less<>>;
  static std::chrono::seconds wait_of(const Entries& entries, std::string_view key, Instant now);
  static bool make_room(Entries& entries, std::string_view key, Instant now);
  static void fail(Entry& entry, int free, std::chrono::seconds wait_max, Instant now);

  Entries names_;
  Entries addresses_;
};

}  // namespace sovmesh::access

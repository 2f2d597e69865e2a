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
// lock. A try counts as failed from its begin, so that tries at the same time count as well.
class LoginBrake {
 public:
  static constexpr std::size_t kEntriesMax = 10'000;  // names and addresses together
  static constexpr int kFreeOfName = 5;
  static constexpr int kFreeOfAddress = 20;
  static constexpr std::chrono::seconds kNameWaitMax{30};  // who is attacked can still sign in
  static constexpr std::chrono::seconds kAddressWaitMax{300};
  static constexpr std::chrono::minutes kForgottenAfter{15};

  // How long the caller has to wait; zero: his try may begin, and counts as a failure until
  // succeeded().
  std::chrono::seconds begin(std::string_view login, std::string_view address, Instant now);
  void succeeded(std::string_view login, std::string_view address);
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    int failures = 0;
    Instant last{};
    Instant next{};  // a try before it is refused
  };
  using Entries = std::map<std::string, Entry, std::less<>>;
  Entry& entry(const std::string& name, Instant now);
  static void fail(Entry& entry, int free, std::chrono::seconds wait_max, Instant now);
  void make_room(Instant now);

  Entries entries_;  // "name ..." and "from ..."
};

}  // namespace sovmesh::access

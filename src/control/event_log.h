#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/ids.h"

namespace sovmesh::control {

enum class Severity : std::uint8_t { info, warning, error };
std::string_view name(Severity severity);

// Something that happened, for people who look on. Not a record: that is the audit log's.
struct Event {
  std::string kind;  // "engine.state"
  Severity severity = Severity::info;
  std::string subject;  // "engines/tiny": whom a console would link to
  // Whose it is; nothing: the platform's. Its slug stays when the tenant is gone.
  struct Tenant {
    TenantId id;
    std::string slug;
  };
  std::optional<Tenant> tenant = {};
  std::string text;         // for people, without names of people
  std::string data = "{}";  // a JSON object
};

// The newest events of this process, in memory. Ids grow, also over restarts (by the clock, as far
// as that does not go back). Any thread.
class EventLog {
 public:
  static constexpr std::size_t kEventsMax = 10'000;
  static constexpr std::size_t kTextMax = 1'000;  // bytes; the rest is cut off
  static constexpr std::size_t kDataMax = 4'000;  // bytes; more is left out

  explicit EventLog(const Clock& clock) : clock_(clock) {}

  void note(Event event);

  struct Noted {
    std::int64_t id = 0;
    WallTime at{};
    Event event;
  };
  using Wanted = std::function<bool(const Event&)>;
  struct Page {
    std::vector<Noted> events;
    bool has_more = false;
  };
  // Newest first; `before`: older than that one.
  Page newest(const Wanted& wanted, std::optional<std::int64_t> before, std::size_t max);
  struct Since {
    std::vector<Noted> events;  // oldest first
    std::int64_t seen = 0;      // go on from here
    bool has_gap = false;       // some between `after` and the first of them are kept no more
  };
  Since since(std::int64_t after, const Wanted& wanted, std::size_t max);
  // Of the newest event; 0: there was none. Cheap.
  std::int64_t last() const { return last_.load(std::memory_order_acquire); }

 private:
  struct State {
    std::deque<Noted> events;  // ids rise
    std::int64_t dropped = 0;  // the id of the newest that had to go
  };

  const Clock& clock_;
  Guarded<State> state_;
  std::atomic<std::int64_t> last_{0};
};

std::string event_json(const EventLog::Noted& noted);

}  // namespace sovmesh::control

#include "control/event_log.h"

#include <algorithm>
#include <array>
#include <utility>

#include "control/json_text.h"

namespace sovmesh::control {

namespace {

// So that it stays UTF-8.
void cut(std::string& text, std::size_t bytes_max) {
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0U) == 0x80U)
    --bytes_max;
  text.resize(bytes_max);
}

}  // namespace

std::string_view name(Severity severity) {
  constexpr std::array<std::string_view, 3> kNames{"info", "warning", "error"};
  return kNames.at(static_cast<std::size_t>(severity));
}

void EventLog::note(Event event) {
  const WallTime now = clock_.wall_now();
  if (event.text.size() > kTextMax) cut(event.text, kTextMax);
  if (event.data.size() > kDataMax) event.data = "{}";
  state_.with([&](State& state) {
    const std::int64_t id = std::max(last() + 1, now.time_since_epoch().count());
    state.events.push_back({.id = id, .at = now, .event = std::move(event)});
    if (state.events.size() > kEventsMax) {
      state.dropped = state.events.front().id;
      state.events.pop_front();
    }
    last_.store(id, std::memory_order_release);
  });
}

EventLog::Page EventLog::newest(const Wanted& wanted, std::optional<std::int64_t> before,
                                std::size_t max) {
  return state_.with([&](State& state) {
    Page page;
    for (auto it = state.events.rbegin(); it != state.events.rend(); ++it) {
      if ((before && it->id >= *before) || !wanted(it->event)) continue;
      if (page.events.size() == max) {
        page.has_more = true;
        break;
      }
      page.events.push_back(*it);
    }
    return page;
  });
}

EventLog::Since EventLog::since(std::int64_t after, const Wanted& wanted, std::size_t max) {
  return state_.with([&](State& state) {
    Since out{.events = {}, .seen = after, .has_gap = after < state.dropped};
    auto it = std::ranges::upper_bound(state.events, after, {}, &Noted::id);
    for (; it != state.events.end() && out.events.size() < max; ++it) {
      out.seen = it->id;
      if (wanted(it->event)) out.events.push_back(*it);
    }
    return out;
  });
}

std::string event_json(const EventLog::Noted& noted) {
  const Event& event = noted.event;
  JsonText json;
  json.text("id", std::to_string(noted.id))
      .time("at", noted.at)
      .text("kind", std::string_view(event.kind))
      .text("severity", name(event.severity))
      .text("subject", std::string_view(event.subject));
  if (event.tenant) json.text("tenant", std::string_view(event.tenant->slug));
  return json.text("text", std::string_view(event.text)).raw("data", event.data).end();
}

}  // namespace sovmesh::control

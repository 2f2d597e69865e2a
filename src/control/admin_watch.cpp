#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_feed.h"
#include "control/admin_objects.h"
#include "control/event_kinds.h"
#include "control/event_log.h"
#include "control/json_text.h"
#include "control/live.h"

// What the admin API tells of what goes on: figures of the last seconds, and events.
namespace sovmesh::control {
namespace {

constexpr std::size_t kEventsAtOnce = 50;  // of a stream

using Tenants = std::optional<std::set<TenantId>>;  // nothing: everybody

bool may_read(const AdminRequest& request, access::Resource resource) {
  return access::decide(request.call.caller, access::Action::read, resource,
                        access::Owner::platform())
      .is_allowed();
}

Result<Severity> parse_severity(std::string_view text) {
  for (const Severity severity : {Severity::info, Severity::warning, Severity::error})
    if (name(severity) == text) return severity;
  return client_error(Code::invalid_value, "want info, warning or error", "severity");
}

Result<std::int64_t> parse_event_id(std::string_view text, const char* param) {
  const auto id = parse_u64(text);
  if (id && *id <= static_cast<std::uint64_t>(INT64_MAX)) return static_cast<std::int64_t>(*id);
  return client_error(Code::invalid_value, "want the id of an event", param);
}

// The figures, and what of them this caller sees.
std::function<std::string()> live_reader(const ReadLive& read, const AdminRequest& request,
                                         Tenants whose, const Clock& clock) {
  const bool of_all = !whose.has_value();
  return [read, whose = std::move(whose), &clock,
          has_engines = of_all && may_read(request, access::Resource::engines),
          has_pools = of_all && may_read(request, access::Resource::pools)] {
    const LiveView view = read ? read(whose ? &*whose : nullptr) : LiveView{.at = clock.wall_now()};
    return live_json(view, has_engines, has_pools);
  };
}

EventLog::Wanted events_wanted(Tenants whose, std::optional<std::string> kind, Severity least) {
  return [whose = std::move(whose), kind = std::move(kind), least](const Event& event) {
    if (whose && (!event.tenant || !whose->contains(event.tenant->id))) return false;
    return event.severity >= least && (!kind || fits_pattern(event.kind, *kind));
  };
}

Result<EventLog::Wanted> take_wanted(AdminRequest& request, Tenants whose) {
  auto kind = request.take("kind");
  if (kind && kind->find('*') < kind->size() - 1)
    return client_error(Code::invalid_value, "want a kind, as engine.state, or engine.*", "kind");
  const std::string severity = request.take("severity").value_or("info");
  TRY(const Severity least, parse_severity(severity));
  return events_wanted(std::move(whose), std::move(kind), least);
}

}  // namespace

// The tenants that the caller sees, or the one of them that he names; nothing: everybody's. From
// memory: streams ask again and again.
Result<Tenants> AdminApi::whose(Request& request) {
  const auto wanted = request.take("tenant");
  const bool is_everybodys = sees_all(request);
  if (!wanted && is_everybodys) return Tenants();
  const auto directory = parts_.publisher.directory().get();
  std::set<TenantId> found;
  std::vector<std::string> known;
  for (const identity::TenantEntry* const entry : directory->tenants()) {
    const tenancy::Tenant& tenant = entry->record;
    if (!is_everybodys && !sees(request, tenant.id)) continue;
    known.emplace_back(tenant.slug.text());
    if (!wanted || tenant.slug.text() == *wanted || tenant.id.value.text() == *wanted)
      found.insert(tenant.id);
  }
  if (wanted && found.empty()) return no_such("tenant", *wanted, known, "tenant");
  return Tenants(std::move(found));
}

Result<AdminReply> AdminApi::live(Request& request) {
  TRY(Tenants tenants, whose(request));
  TRY_VOID(request.no_more_query());
  return AdminReply{.body = live_reader(parts_.live, request, std::move(tenants), parts_.clock)()};
}

Result<AdminReply> AdminApi::events(Request& request) {
  TRY(Tenants tenants, whose(request));
  TRY(const EventLog::Wanted wanted, take_wanted(request, std::move(tenants)));
  TRY(const PageAsk ask, page_ask(request));
  std::optional<std::int64_t> before;
  if (ask.after) {
    TRY(before, parse_event_id(*ask.after, "after"));
  }
  EventLog::Page found;
  if (parts_.events != nullptr) found = parts_.events->newest(wanted, before, ask.limit);
  std::vector<std::string> shown;
  for (const EventLog::Noted& noted : found.events)
    shown.push_back(event_json(noted));
  std::optional<std::string> next;
  if (found.has_more) next = std::to_string(found.events.back().id);
  return AdminReply{.body = page_json(shown, next)};
}

// What was done to keys and to the audit log, for whoever looks on.
void AdminApi::note_change(const Request& request, const AdminReply& reply) const {
  const std::string& kind = request.path.front();
  if (parts_.events == nullptr || (kind != "keys" && kind != "audit")) return;
  if (request.changes_nothing || reply.status >= 300) return;
  Event event{.kind = action_of(request.call.method, request.path)};
  if (kind == "audit") {
    event.kind = "audit." + request.path.back();
    event.severity = Severity::warning;
    event.subject = kind;
    event.text = "the audit log: " + request.path.back();
    parts_.events->note(std::move(event));
    return;
  }
  const auto object = nlohmann::json::parse(reply.body, nullptr, false);
  const bool is_shown = object.is_object();
  const std::string id = is_shown ? object.value("id", "") : request.path.back();
  const std::string tenant = is_shown ? object.value("tenant", "") : std::string();
  const auto directory = parts_.publisher.directory().get();
  for (const identity::TenantEntry* const entry : directory->tenants()) {
    const tenancy::Tenant& one = entry->record;
    if (one.slug.text() == tenant || (request.tenant && one.id == *request.tenant))
      event.tenant = Event::Tenant{.id = one.id, .slug = std::string(one.slug.text())};
  }
  event.subject = "keys/" + id;
  event.text = "key " + id + ": " + event.kind.substr(event.kind.find('.') + 1);
  parts_.events->note(std::move(event));
}

// The same as a stream. `last_id`: the event that the reader has seen last; nothing: he wants those
// to come.
Result<AdminFeed> AdminApi::open_feed(const AdminCall& call,
                                      const std::optional<std::string>& last_id) {
  TRY(Request request, take_apart(call));
  TRY_VOID(may_begin(request));
  TRY(Tenants tenants, whose(request));
  if (request.path.front() == "live") {
    TRY_VOID(request.no_more_query());
    auto read = live_reader(parts_.live, request, std::move(tenants), parts_.clock);
    return AdminFeed{.kind = AdminFeed::Kind::live, .next = [read](std::int64_t&) {
                       return "event: live\ndata: " + read() + "\n\n";
                     }};
  }
  TRY(EventLog::Wanted wanted, take_wanted(request, std::move(tenants)));
  TRY_VOID(request.no_more_query());
  AdminFeed feed{.kind = AdminFeed::Kind::events, .next = [](std::int64_t&) { return ""; }};
  if (parts_.events == nullptr) return feed;
  EventLog& log = *parts_.events;
  feed.seen = log.last();
  if (last_id) {
    TRY(feed.seen, parse_event_id(*last_id, "last-event-id"));
  }
  feed.next = [&log, wanted = std::move(wanted)](std::int64_t& seen) {
    std::string text;
    const std::int64_t last = log.last();
    if (seen > last) {
      // An id that is yet to come: what he missed nobody knows, and from now on he misses nothing.
      text = "id: " + std::to_string(last) + "\nevent: gap\ndata: {\"after\":\"" +
             std::to_string(seen) + "\"}\n\n";
      seen = last;
      return text;
    }
    if (last == seen) return text;
    const EventLog::Since since = log.since(seen, wanted, kEventsAtOnce);
    if (since.has_gap) text += "event: gap\ndata: {\"after\":\"" + std::to_string(seen) + "\"}\n\n";
    for (const EventLog::Noted& noted : since.events)
      text += "id: " + std::to_string(noted.id) + "\ndata: " + event_json(noted) + "\n\n";
    seen = since.seen;
    return text;
  };
  return feed;
}

}  // namespace sovmesh::control

#include "compose/webhook_hub.h"

#include <algorithm>
#include <set>
#include <utility>

#include "control/event_kinds.h"

namespace sovmesh::compose {
namespace {

using control::Event;
using control::EventLog;
using webhook::Sender;

// While some end others begin.
constexpr std::size_t kTasksMax = 2 * store::WebhookRecord::kMax;

Sender::Stats operator+(Sender::Stats a, const Sender::Stats& b) {
  a.delivered += b.delivered;
  a.retried += b.retried;
  a.dropped += b.dropped;
  return a;
}

// Of a tenant's webhook: only what is that tenant's.
bool wants(const store::WebhookRecord& webhook, const Event& event) {
  if (webhook.tenant && (!event.tenant || event.tenant->id != *webhook.tenant)) return false;
  return std::ranges::any_of(webhook.events, [&](const std::string& pattern) {
    return control::fits_pattern(event.kind, pattern);
  });
}

bool wants_all(const Event&) { return true; }

}  // namespace

Sender::Stats WebhookHub::Hook::stats() const { return sender ? past + sender->stats() : past; }

control::WebhookReport WebhookHub::Hook::report() const {
  const Sender::Stats stats = this->stats();
  control::WebhookReport out{
      .delivered = stats.delivered,
      .retried = stats.retried,
      .dropped = stats.dropped,
      .waiting = waiting.size() + (test ? 1 : 0) + (sender ? sender->waiting() : 0)};
  if (const auto& latest = sender && sender->last() ? sender->last() : last) {
    out.last_status = latest->status;
    if (!latest->error.empty()) out.last_error = latest->error;
    out.last_at = latest->at;
  }
  if (!trouble.empty()) out.last_error = trouble;
  return out;
}

void WebhookHub::Hook::drop_waiting() {
  past.dropped += waiting.size() + (test ? 1 : 0);
  waiting.clear();
  test.reset();
}

WebhookHub::WebhookHub(Parts parts)
    : parts_(std::move(parts)),
      seen_(parts_.events.last()),
      tasks_(parts_.loop, kTasksMax),
      told_() {}

control::WebhookDesk WebhookHub::desk() {
  return {.take_url = [this](std::string_view url) { return parts_.allowed.take(url); },
          .report = [this](store::WebhookId id) { return report(id); },
          .test =
              [this](store::WebhookId id, std::optional<control::Event::Tenant> tenant) {
                test(id, std::move(tenant));
              }};
}

control::WebhookReport WebhookHub::report(store::WebhookId id) {
  return told_.with([&](const Told& told) {
    const auto found = told.reports.find(id);
    return found == told.reports.end() ? control::WebhookReport{} : found->second;
  });
}

void WebhookHub::test(store::WebhookId id, std::optional<control::Event::Tenant> tenant) {
  told_.with([&](Told& told) {
    if (told.tests.size() < store::WebhookRecord::kMax) told.tests.emplace(id, std::move(tenant));
  });
}

Sender::Stats WebhookHub::stats() {
  return told_.with([](const Told& told) { return told.all; });
}

rt::Task<void> WebhookHub::run(rt::Event& stopping) {
  if (parts_.allowed.empty()) co_return;  // none can be called
  for (;;) {
    look();
    const rt::Until next{parts_.loop.in(kLook), &stopping};
    if (!co_await rt::sleep(parts_.loop, next)) break;
  }
  for (const auto& [id, hook] : hooks_)
    hook->stop.set();
  const rt::Until ended{parts_.loop.in(kEnd), nullptr};
  co_await tasks_.join(ended);
}

rt::Task<void> WebhookHub::deliver(Hook* hook) {
  co_await hook->sender->run(hook->stop);
  hook->has_ended = true;
}

void WebhookHub::look() {
  take_records();
  starts_left_ = kStartsAtOnce;
  for (auto it = hooks_.begin(); it != hooks_.end();) {
    Hook& hook = *it->second;
    start_or_stop(hook);
    const bool is_gone = !hook.is_wanted && !hook.sender && hook.record.id != it->first;
    if (is_gone) gone_ = gone_ + hook.past;
    it = is_gone ? hooks_.erase(it) : std::next(it);
  }
  take_tests();
  take_events();
  for (const auto& [id, hook] : hooks_)
    feed(*hook);
  tell();
}

void WebhookHub::take_records() {
  auto records = parts_.records.get();
  if (records == records_) return;
  records_ = std::move(records);
  std::set<store::WebhookId> there;
  for (const store::WebhookRecord& record : *records_) {
    there.insert(record.id);
    std::unique_ptr<Hook>& hook = hooks_[record.id];
    if (!hook) {
      hook = std::make_unique<Hook>(parts_.loop);
      hook->first_seen = parts_.events.last();
    }
    use(*hook, record);
  }
  for (const auto& [id, hook] : hooks_) {
    if (there.contains(id)) continue;
    hook->is_wanted = false;
    hook->record.id = {};  // it goes when its sender has ended
  }
}

// What a webhook is to do from now on.
void WebhookHub::use(Hook& hook, const store::WebhookRecord& record) {
  const bool is_other = hook.record.url != record.url || hook.record.secret != record.secret;
  hook.record = record;
  hook.is_wanted = record.enabled && parts_.allowed.take(record.url).has_value();
  if (!hook.is_wanted || !is_other || !hook.sender || hook.stop.is_set()) return;
  auto target = target_of(hook);
  if (!target) return;
  if (auto aimed = hook.sender->aim(*std::move(target)); !aimed) {
    hook.is_wanted = false;
    hook.trouble = aimed.error().message();
  }
}

// Nothing, and it is not to run, when its secret cannot be read.
std::optional<webhook::Target> WebhookHub::target_of(Hook& hook) {
  hook.trouble.clear();
  if (auto secret = control::open_webhook_secret(hook.record, parts_.authenticator))
    return webhook::Target{.url = hook.record.url, .secret = *std::move(secret), .tls = parts_.tls};
  hook.is_wanted = false;
  hook.trouble = "its secret cannot be read, because the pepper is another one: rotate it";
  return std::nullopt;
}

void WebhookHub::start_or_stop(Hook& hook) {
  if (hook.has_ended) {
    hook.past = hook.past + hook.sender->stats();
    if (hook.sender->last()) hook.last = hook.sender->last();
    hook.sender.reset();
    hook.stop.clear();
    hook.has_ended = false;
  }
  if (hook.is_wanted && !hook.sender && starts_left_ > 0 && !tasks_.full()) {
    --starts_left_;
    start(hook);
  }
  if (hook.is_wanted) return;
  hook.drop_waiting();
  if (hook.sender) hook.stop.set();
}

void WebhookHub::start(Hook& hook) {
  auto target = target_of(hook);
  if (!target) return;
  auto made = Sender::make(*std::move(target), parts_.loop, parts_.pool, parts_.random);
  if (!made) {
    hook.is_wanted = false;
    hook.trouble = made.error().message();
    return;
  }
  hook.sender = *std::move(made);
  tasks_.spawn(deliver(&hook));
}

void WebhookHub::take_tests() {
  auto tests = told_.with([](Told& told) { return std::exchange(told.tests, {}); });
  for (auto& [id, tenant] : tests) {
    const auto found = hooks_.find(id);
    if (found == hooks_.end() || !found->second->is_wanted) continue;
    const WallTime now = parts_.loop.clock().wall_now();
    const store::WebhookRecord& record = found->second->record;
    found->second->test =
        control::webhook_body({.id = now.time_since_epoch().count(),
                               .at = now,
                               .event = {.kind = "webhook.test",
                                         .subject = "webhooks/" + record.id.value.text(),
                                         .tenant = std::move(tenant),
                                         .text = "a test of the webhook '" + record.name + "'"}});
  }
}

void WebhookHub::take_events() {
  // At most what the log can hold: whoever notes faster waits for the next look.
  for (std::size_t pages = EventLog::kEventsMax / kEventsAtOnce; pages > 0; --pages) {
    if (parts_.events.last() <= seen_) return;
    const EventLog::Since since = parts_.events.since(seen_, wants_all, kEventsAtOnce);
    if (since.has_gap) {
      for (const auto& [id, hook] : hooks_)
        ++hook->past.dropped;  // nobody knows how many there were
    }
    for (const EventLog::Noted& noted : since.events)
      take_event(noted);
    seen_ = since.seen;
  }
}

void WebhookHub::take_event(const EventLog::Noted& noted) {
  for (const auto& [id, hook] : hooks_) {
    // A clock that goes back may hide what came between its creation and our next look, and no
    // more.
    const bool is_older = noted.id <= hook->first_seen && noted.at < hook->record.meta.created_at;
    if (!hook->is_wanted || is_older || !wants(hook->record, noted.event)) continue;
    if (hook->waiting.size() < kWaitingMax)
      hook->waiting.push_back(noted.id);
    else
      ++hook->past.dropped;
  }
}

void WebhookHub::feed(Hook& hook) {
  if (!hook.sender || hook.stop.is_set()) return;
  while (!hook.waiting.empty() && hook.sender->waiting() < kAhead) {
    const std::int64_t id = hook.waiting.front();
    hook.waiting.pop_front();
    const EventLog::Since found = parts_.events.since(id - 1, wants_all, 1);
    if (!found.events.empty() && found.events.front().id == id)
      hook.sender->send(control::webhook_body(found.events.front()));
    else
      ++hook.past.dropped;
  }
  if (hook.waiting.empty() && hook.test) hook.sender->send(*std::exchange(hook.test, {}));
}

void WebhookHub::tell() {
  std::map<store::WebhookId, control::WebhookReport> reports;
  Sender::Stats all = gone_;
  for (const auto& [id, hook] : hooks_) {
    reports.emplace(id, hook->report());
    all = all + hook->stats();
  }
  told_.with([&](Told& told) {
    told.reports.swap(reports);
    told.all = all;
  });
}

}  // namespace sovmesh::compose

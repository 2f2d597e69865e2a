#include "compose/event_webhook.h"

#include <utility>

namespace sovmesh::compose {

Result<std::unique_ptr<EventWebhook>> EventWebhook::make(webhook::Target target, rt::Loop& loop,
                                                         http::ClientPool& client, Random& random) {
  TRY(auto sender, webhook::Sender::make(std::move(target), loop, client, random));
  return std::unique_ptr<EventWebhook>(new EventWebhook(std::move(sender), loop));
}

void EventWebhook::note(std::string json) {
  inbox_.with([&](Inbox& inbox) {
    if (inbox.events.size() < kWaitingMax)
      inbox.events.push_back(std::move(json));
    else
      ++inbox.dropped;
  });
}

rt::Task<void> EventWebhook::run(rt::Event& stopping) {
  for (;;) {
    const rt::Until look{loop_.in(kLook), &stopping};
    if (!co_await rt::sleep(loop_, look)) co_return;
    auto events = inbox_.with([](Inbox& inbox) { return std::exchange(inbox.events, {}); });
    for (std::string& event : events)
      sender_->send(std::move(event));
  }
}

webhook::Sender::Stats EventWebhook::stats() const {
  webhook::Sender::Stats stats = sender_->stats();
  stats.dropped += inbox_.with([](const Inbox& inbox) { return inbox.dropped; });
  return stats;
}

}  // namespace sovmesh::compose

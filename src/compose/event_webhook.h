#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/random.h"
#include "base/result.h"
#include "http/client.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"
#include "webhook/sender.h"

namespace sovmesh::compose {

// A webhook for events that come up on any thread. Its tasks and its counts are one worker's.
class EventWebhook {
 public:
  static constexpr std::chrono::milliseconds kLook{250};
  static constexpr std::size_t kWaitingMax = webhook::Sender::kQueueMax;  // until the next look

  static Result<std::unique_ptr<EventWebhook>> make(webhook::Target target, rt::Loop& loop,
                                                    http::ClientPool& client, Random& random);
  // `json` is the whole body of a delivery. Any thread; never waits. What finds no room is dropped
  // and counted.
  void note(std::string json);
  // Two tasks, until `stopping` is set.
  rt::Task<void> run(rt::Event& stopping);
  rt::Task<void> deliver(rt::Event& stopping) { return sender_->run(stopping); }
  webhook::Sender::Stats stats() const;

 private:
  struct Inbox {
    std::vector<std::string> events;  // oldest first
    std::uint64_t dropped = 0;
  };
  EventWebhook(std::unique_ptr<webhook::Sender> sender, rt::Loop& loop)
      : sender_(std::move(sender)), loop_(loop), inbox_() {}

  std::unique_ptr<webhook::Sender> sender_;
  rt::Loop& loop_;
  mutable Guarded<Inbox> inbox_;
};

}  // namespace sovmesh::compose

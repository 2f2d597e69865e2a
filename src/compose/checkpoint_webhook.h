#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/random.h"
#include "base/result.h"
#include "http/client.h"
#include "rt/blocking.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"
#include "store/audit.h"
#include "webhook/sender.h"

namespace sovmesh::compose {

// Sends the audit log's newest checkpoint to another machine, so that a log that is made anew here
// does not fit what is kept there. What could not be delivered is told to the log. One worker's.
class CheckpointWebhook {
 public:
  static constexpr std::chrono::milliseconds kLook{1'000};
  static constexpr std::chrono::milliseconds kEvery{60'000};  // at most one so often

  static Result<std::unique_ptr<CheckpointWebhook>> make(webhook::Target target,
                                                         std::shared_ptr<store::Audit> audit,
                                                         rt::BlockingPool& pool, rt::Loop& loop,
                                                         http::ClientPool& client, Random& random);
  // Two tasks, until `stopping` is set.
  rt::Task<void> run(rt::Event& stopping);
  rt::Task<void> deliver(rt::Event& stopping) { return sender_->run(stopping); }
  const webhook::Sender::Stats& stats() const { return sender_->stats(); }

 private:
  CheckpointWebhook(std::unique_ptr<webhook::Sender> sender, std::shared_ptr<store::Audit> audit,
                    rt::BlockingPool& pool, rt::Loop& loop)
      : sender_(std::move(sender)), audit_(std::move(audit)), pool_(pool), loop_(loop) {}
  rt::Task<void> send_newest();
  rt::Task<void> tell_drops();

  std::unique_ptr<webhook::Sender> sender_;
  std::shared_ptr<store::Audit> audit_;
  rt::BlockingPool& pool_;
  rt::Loop& loop_;
  std::uint64_t sent_size_ = 0;
  Instant next_{};
  std::uint64_t drops_told_ = 0;
};

// {"type":"audit.checkpoint","data":{"checkpoint":NOTE}}
std::string checkpoint_event(const std::string& note);

}  // namespace sovmesh::compose

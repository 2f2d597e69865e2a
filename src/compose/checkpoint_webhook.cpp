#include "compose/checkpoint_webhook.h"

#include <utility>

#include "base/bytes.h"

namespace sovmesh::compose {

std::string checkpoint_event(const std::string& note) {
  std::string json = R"({"type":"audit.checkpoint","data":{"checkpoint":)";
  append_json_string(json, note);
  return json + "}}";
}

Result<std::unique_ptr<CheckpointWebhook>> CheckpointWebhook::make(
    webhook::Target target, std::shared_ptr<store::Audit> audit, rt::BlockingPool& pool,
    rt::Loop& loop, http::ClientPool& client, Random& random) {
  TRY(auto sender, webhook::Sender::make(std::move(target), loop, client, random));
  return std::unique_ptr<CheckpointWebhook>(
      new CheckpointWebhook(std::move(sender), std::move(audit), pool, loop));
}

rt::Task<void> CheckpointWebhook::run(rt::Event& stopping) {
  for (;;) {
    const rt::Until look{loop_.in(kLook), &stopping};
    if (!co_await rt::sleep(loop_, look)) co_return;
    if (sender_->stats().dropped > drops_told_) co_await tell_drops();
    const bool is_new = audit_->stats().signed_size > sent_size_;
    // One on its way is enough: the next one says more.
    if (is_new && loop_.clock().now() >= next_ && sender_->waiting() == 0) co_await send_newest();
  }
}

rt::Task<void> CheckpointWebhook::send_newest() {
  const std::uint64_t size = audit_->stats().signed_size;
  auto work = [audit = audit_] { return audit->checkpoint(false); };
  const Result<std::string> note = co_await rt::run_blocking(pool_, loop_, std::move(work));
  if (!note) co_return;
  sender_->send(checkpoint_event(*note));
  sent_size_ = size;
  next_ = loop_.clock().now() + kEvery;
}

rt::Task<void> CheckpointWebhook::tell_drops() {
  const std::uint64_t dropped = sender_->stats().dropped;
  store::AdminEntry entry;
  entry.action = "checkpoint.publish";
  entry.object = "webhook";
  entry.outcome = "failed";
  entry.count = dropped - drops_told_;
  entry.reason = "checkpoints that were not delivered; the next one stands for them";
  auto work = [audit = audit_, entry = std::move(entry)] { return audit->append(entry); };
  if (co_await rt::run_blocking(pool_, loop_, std::move(work))) drops_told_ = dropped;
}

}  // namespace sovmesh::compose

#include "audit_files/signing_desk.h"

#include <utility>

#include "rt/real.h"

namespace sovmesh::audit_files {

SigningDesk::SigningDesk(WriterRuns runs, std::function<void()> on_done)
    : on_done_(std::move(on_done)), outcome_() {
  if (runs == WriterRuns::on_thread) thread_ = rt::make_blocking_pool(1, 1);
}

SigningDesk::~SigningDesk() { thread_.reset(); }

void SigningDesk::begin(Work work) {
  busy_ = true;
  auto run = [this, work = std::move(work)]() mutable {
    auto result = work();
    outcome_.with([&](auto& outcome) { outcome.emplace(std::move(result)); });
    done_.release();
    if (on_done_) on_done_();
  };
  if (thread_ == nullptr)
    run();
  else
    thread_->submit(std::move(run));
}

std::optional<Result<std::string>> SigningDesk::collect() {
  if (!busy_) return std::nullopt;
  auto outcome = outcome_.with([](auto& held) { return std::exchange(held, std::nullopt); });
  busy_ = !outcome.has_value();
  return outcome;
}

bool SigningDesk::wait_until(Instant when) {
  const auto is_there = [this] {
    return outcome_.with([](const auto& outcome) { return outcome.has_value(); });
  };
  while (busy_ && !is_there()) {  // an earlier one that nobody waited for has left its release
    if (!done_.acquire_until(when)) return is_there();
  }
  return true;
}

}  // namespace sovmesh::audit_files

#pragma once

#include <algorithm>
#include <optional>

#include "gateway/exchange_reply.h"
#include "gateway/relay.h"
#include "identity/authenticator.h"

namespace sovmesh::gateway {

// The clocks of one relay: first token, stall between events, total time, keep-alive comments,
// checkpoints, and the look-ups that end a silent stream (key revoked, drain over).
class RelayWatch {
 public:
  static constexpr std::chrono::milliseconds kCheckpointTime{125};
  // A stream that is silent this long gives up what it can make again.
  static constexpr std::chrono::milliseconds kQuiet{1'000};
  // So soon a request that can begin again looks whether its place is wanted.
  static constexpr std::chrono::milliseconds kGiveWay{100};

  explicit RelayWatch(const RelayJob& job)
      : job_(job),
        began_(job.worker.loop.now()),
        last_event_(began_),
        last_comment_(began_),
        last_checkpoint_(began_),
        last_look_(began_) {}

  // For a wait on the engine: ends at the next look-up at the latest.
  rt::Until until() const {
    const rt::Deadline look = rt::Deadline::at(now() + job_.settings.look_up);
    rt::Deadline soonest = look.earlier(job_.total).earlier(silence_ends());
    if (job_.model->commit_after && !seen_event_) {
      const Instant commit = job_.record->began + *job_.model->commit_after;
      if (commit > now()) soonest = soonest.earlier(rt::Deadline::at(commit));
    }
    if (seen_event_ && !is_quiet())
      soonest = soonest.earlier(rt::Deadline::at(last_event_ + kQuiet));
    if (job_.seat.leeway() == fairness::Leeway::again)
      soonest = soonest.earlier(rt::Deadline::at(now() + kGiveWay));
    return {soonest, &job_.exchange.client_gone()};
  }
  bool is_quiet() const { return seen_event_ && now() - last_event_ >= kQuiet; }
  // For a wait on a client that does not read.
  rt::Until client_until() const {
    const auto stall = job_.services.overload.scaled(job_.settings.client_stall);
    return {rt::Deadline::at(now() + stall), &job_.exchange.client_gone()};
  }

  // What the end of such a wait means. An error ends the relay.
  Result<void> after(rt::Wake wake) {
    if (wake == rt::Wake::cancelled) return fail(client_gone());
    if (wake == rt::Wake::ready) return {};
    if (job_.total.passed(now())) {
      return upstream_error(Code::upstream_timeout, "The model took too long to answer.");
    }
    if (silence_ends().passed(now())) {
      if (seen_event_) {
        return upstream_error(Code::upstream_timeout,
                              "The model stopped in the middle of its answer.");
      }
      return upstream_error(Code::first_token_timeout,
                            "The model did not begin to answer in time.");
    }
    return still_allowed();
  }
  Result<void> after_client(rt::Wake wake) {
    if (wake == rt::Wake::ready) return {};
    return fail(client_gone());  // stalled for too long counts as gone
  }

  // A stream that never falls silent must look up, too.
  Result<void> look_up_if_due() {
    if (now() - last_look_ < job_.settings.look_up && !is_wanted_now()) return {};
    last_look_ = now();
    return after(rt::Wake::timed_out);
  }

  void saw_event() {
    seen_event_ = true;
    last_event_ = now();
  }
  bool wants_comment(bool committed) const {
    if (!job_.model->commit_after) return false;
    if (!committed) return now() - job_.record->began >= *job_.model->commit_after;
    return now() - std::max(last_event_, last_comment_) >= job_.settings.keep_alive_comment;
  }
  void commented() { last_comment_ = now(); }

  // `tokens`: as the row's bound counts them. A prompt that its engine has accepted (of account
  // until the first token), or counted at last, is written down at once: a crash in its prefill
  // must not lose it.
  std::optional<store::Haste> checkpoint_due(std::int64_t tokens, std::int64_t prompt) {
    const bool accepted = tokens == 0 && prompt != prompt_checkpointed_;
    if (tokens == checkpointed_ && !accepted) return std::nullopt;
    const auto since_last = now() - last_checkpoint_;
    const bool in_haste = job_.row.wants_checkpoint(tokens, since_last);
    if (!accepted && !in_haste && since_last < kCheckpointTime) return std::nullopt;
    prompt_checkpointed_ = prompt;
    noted(tokens);
    return in_haste ? store::Haste::now : store::Haste::none;
  }
  // So many tokens are in a checkpoint.
  void noted(std::int64_t tokens) {
    checkpointed_ = tokens;
    last_checkpoint_ = now();
  }

 private:
  Instant now() const { return job_.worker.loop.now(); }
  rt::Deadline silence_ends() const {
    if (!seen_event_) return rt::Deadline::at(began_ + job_.times.first_token);
    return rt::Deadline::at(last_event_ + job_.services.overload.scaled(job_.times.stall));
  }
  bool is_wanted_now() const {
    return job_.seat.leeway() == fairness::Leeway::again && job_.seat.is_wanted(0);
  }
  Result<void> still_allowed() const {
    if (job_.worker.cut_off) {
      return our_error(Code::overloaded, "The server is shutting down. Please try again.");
    }
    const auto directory = job_.services.directory.get();
    if (!identity::Authenticator::still_valid(*directory, *job_.record->caller,
                                              job_.services.clock.wall_now())) {
      return client_error(Code::invalid_api_key, "The API key is no longer valid.");
    }
    if (is_wanted_now() && job_.seat.give_way())
      return our_error(Code::overloaded, "its place is wanted by whom it is guaranteed to");
    return {};
  }

  const RelayJob& job_;
  Instant began_;
  Instant last_event_;
  Instant last_comment_;
  Instant last_checkpoint_;
  Instant last_look_;
  std::int64_t checkpointed_ = 0;
  std::int64_t prompt_checkpointed_ = 0;
  bool seen_event_ = false;
};

}  // namespace sovmesh::gateway

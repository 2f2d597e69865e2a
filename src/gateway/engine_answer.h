#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/relay.h"
#include "gateway/relay_watch.h"
#include "http/sse.h"

// What comes from the engine of a relay: the head, a body as a whole, a stream's events.
namespace sovmesh::gateway {

inline constexpr std::size_t kErrorBodyMax = std::size_t{64} * 1024;

inline llmapi::Dialect dialect_of(const RelayJob& job) { return job.seat.engine().dialect(); }

bool is_event_stream(const http::ClientResponseHead& head);

// What a body is: an answer may have `Settings::plain_reply_max` bytes, what an engine says instead
// of one has kErrorBodyMax.
enum class Rest : std::uint8_t { answer, error };
// The whole body, with 64 bytes of padding behind it.
rt::Task<Result<std::string>> read_rest(RelayJob& job, RelayWatch& watch, Rest what,
                                        std::uint64_t bytes_expected = 0);
std::string_view unpadded(const std::string& body);

// A stream was asked for and something else came: an error inside HTTP 200, most likely.
rt::Task<Error> explain_plain_answer(RelayJob& job, RelayWatch& watch);

// The head of the engine's answer; an error status is read and translated. `look_up(wake)` decides
// what the end of a wait means.
template <class LookUp>
SM_OWN_FRAME rt::Task<Result<http::ClientResponseHead>> good_head(RelayJob& job, RelayWatch& watch,
                                                                  LookUp& look_up) {
  for (;;) {
    Result<http::ClientResponseHead> head = co_await job.call->head(watch.until());
    if (!head && head.error().code() == Code::timed_out) {
      CO_TRY_VOID(look_up(rt::Wake::timed_out));
      continue;
    }
    if (!head && head.error().code() == Code::cancelled) {
      CO_TRY_VOID(look_up(rt::Wake::cancelled));
    }
    if (head) job.has_answered = true;
    if (head && head->status == 200) job.is_accepted = true;
    if (!head || head->status == 200) co_return head;
    CO_TRY(const std::string body, co_await read_rest(job, watch, Rest::error));
    co_return fail(llmapi::translate_engine_error(head->status, unpadded(body)));
  }
}

// Brings a stream's events to `consume` until the engine is done. Holds what an engine's stream is:
// the same for a client that streams and for one that waits for the whole answer.
class EventPump {
 public:
  EventPump(RelayJob& job, RelayWatch& watch) : job_(job), watch_(watch) {}

  enum class Step : std::uint8_t { wait, events };
  // Takes what the engine has sent: `consume(data)` for each complete event. Not after done().
  template <class Consume>
  Result<Step> step(Consume&& consume) {
    TRY(const http::BodyPiece piece, job_.call->try_read());
    if (piece.kind == http::BodyPiece::Kind::would_block) return Step::wait;
    if (piece.kind == http::BodyPiece::Kind::end) {
      return upstream_error(Code::upstream_error, "the engine ended its stream early");
    }
    if (!parser_) parser_ = std::make_unique<http::SseParser>(is_later_);
    is_later_ = true;
    parser_->feed(piece.bytes);
    http::SseEvent event;
    for (;;) {
      TRY(const bool more, parser_->next(event));
      if (!more) return Step::events;
      TRY(const llmapi::StreamTranslator::Outcome outcome, consume(event.data));
      if (outcome == llmapi::StreamTranslator::Outcome::done) done_ = true;
      watch_.saw_event();
    }
  }
  // The stream is silent: gives up the parser when nothing is in it.
  void rest() {
    if (parser_ && parser_->is_between_events()) parser_.reset();
  }
  bool done() const { return done_; }  // [DONE] was seen: nothing more is needed from the engine
  void began() { began_ = true; }      // the head was a stream's

  // The client is gone and takes the engine's call along. What has come of it so far was made, so
  // it counts: it is read here, without a wait.
  template <class Consume>
  SM_OWN_FRAME rt::Task<void> take_what_came(Consume& consume) {
    if (!began_) {
      const rt::Until at_once{rt::Deadline::at(job_.worker.loop.now()), nullptr};
      const Result<http::ClientResponseHead> head = co_await job_.call->head(at_once);
      if (!head || head->status != 200 || !is_event_stream(*head)) co_return;
      job_.is_accepted = true;
    }
    for (int steps = 0; steps < kLastStepsMax && !done_; ++steps) {
      const Result<Step> taken = step(consume);
      if (!taken || *taken == Step::wait) co_return;
    }
  }

 private:
  // Of a loop's scratch each, at most: an engine that is faster than that loses the rest.
  static constexpr int kLastStepsMax = 16;

  RelayJob& job_;
  RelayWatch& watch_;
  std::unique_ptr<http::SseParser> parser_;  // from the first bytes on, while they come
  bool began_ = false;
  bool is_later_ = false;  // the beginning of the stream has been parsed
  bool done_ = false;
};

}  // namespace sovmesh::gateway

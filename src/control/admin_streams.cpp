#include "control/admin_streams.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "control/browser.h"

namespace sovmesh::control {
namespace {

constexpr std::string_view kEventStream = "text/event-stream";
constexpr std::chrono::seconds kComeAgain{5};
// Nobody could be asked whether the reader still may: not for ever.
constexpr std::chrono::seconds kUnprovenMax{30};

// Why a stream ends, as its last event says. Empty: its reader is gone.
constexpr std::string_view kGone = "";
constexpr std::string_view kDrain = "the server is stopping";
constexpr std::string_view kOld = "a stream lives for an hour: open another one";
constexpr std::string_view kRights = "you may no longer read this: sign in again";

http::ResponseHead stream_head() {
  http::ResponseHead head;
  head.status = 200;
  add_strictness(head, false);
  head.add("content-type", "text/event-stream; charset=utf-8");
  head.add("cache-control", "no-cache");
  head.add("x-accel-buffering", "no");
  return head;
}

}  // namespace

std::string_view name(AdminFeed::Kind kind) {
  return kind == AdminFeed::Kind::live ? "live" : "events";
}

bool AdminStreams::wants(const http::RequestHead& head) {
  if (head.method != "GET") return false;
  if (head.path != "/api/v1/live" && head.path != "/api/v1/events") return false;
  std::string_view accepted = head.fields.find("accept").value_or("");
  while (!accepted.empty()) {
    const std::string_view one = accepted.substr(0, accepted.find(','));
    accepted.remove_prefix(std::min(one.size() + 1, accepted.size()));
    if (equals_ignore_case(trim(one.substr(0, one.find(';'))), kEventStream)) return true;
  }
  return false;
}

AdminStreams::Place::Place(AdminStreams& streams, AdminFeed::Kind kind, std::string credential)
    : streams_(&streams), kind_(kind), credential_(std::move(credential)) {
  ++streams.by_credential_[credential_];
  ++streams.stats_.open[static_cast<std::size_t>(kind)];
}

AdminStreams::Place::~Place() {
  if (streams_ == nullptr) return;
  --streams_->stats_.open[static_cast<std::size_t>(kind_)];
  const auto own = streams_->by_credential_.find(credential_);
  if (--own->second == 0) streams_->by_credential_.erase(own);
}

Result<AdminStreams::Place> AdminStreams::take(AdminFeed::Kind kind,
                                               const std::string& credential) {
  if (ending_.is_set()) return our_error(Code::overloaded, "the server is stopping");
  const auto own = by_credential_.find(credential);
  const bool has_too_many = own != by_credential_.end() && own->second >= kOfOneMax;
  if (has_too_many || stats_.open[0] + stats_.open[1] >= kStreamsMax) {
    ++stats_.refused;
    return fail(Error(Code::concurrency_limit_exceeded, Blame::client,
                      has_too_many
                          ? fmt::format("you have {} streams open: close one", kOfOneMax)
                          : fmt::format("{} streams are open, and no more can be", kStreamsMax))
                    .with_retry_after(kComeAgain));
  }
  return Place(*this, kind, credential);
}

rt::Task<void> AdminStreams::run(http::Exchange& exchange, Place place, AdminFeed feed,
                                 Prove prove) {
  const Place held = std::move(place);
  exchange.bound_send_buffer(kSendBuffer);
  exchange.start_stream(stream_head());
  exchange.flush_head();
  const std::string_view why = co_await tell(exchange, std::move(feed), std::move(prove));
  if (why.empty() || exchange.buffered() > 0) {
    exchange.abort();
    co_return;
  }
  std::string last = R"(event: end
data: {"reason":)";
  append_json_string(last, why);
  last += "}\n\n";
  if (exchange.write(last)) (void)co_await exchange.finish();
}

// Says why it is over.
rt::Task<std::string_view> AdminStreams::tell(http::Exchange& exchange, AdminFeed feed,
                                              Prove prove) {
  rt::Loop& loop = exchange.loop();
  const Instant old = loop.now() + kLifeMax;
  Instant proven = loop.now();
  Instant written = loop.now();
  for (;;) {
    const Instant now = loop.now();
    if (now >= old) co_return kOld;
    if (now - proven >= kProveEvery) {
      Result<AdminFeed> again = co_await rt::run_blocking(pool_, loop, prove);
      const bool is_refused = !again && again.error().blame() == Blame::client;
      if (is_refused || (!again && now - proven >= kUnprovenMax)) co_return kRights;
      if (again) {
        again->seen = feed.seen;
        feed = *std::move(again);
        proven = loop.now();
      }
    }
    // What the reader has not taken yet is not added to; figures that he misses are gone.
    if (exchange.buffered() == 0) {
      std::string text = feed.next(feed.seen);
      if (text.empty() && now - written >= kCommentEvery) text = ": keep-alive\n\n";
      if (!text.empty()) {
        written = now;
        if (!exchange.write(text)) co_return kGone;
      }
    } else if (now - written >= kStallMax) {
      ++stats_.dropped;
      co_return kGone;
    }
    const rt::Wake wake = co_await ending_.wait({loop.in(feed.every()), &exchange.client_gone()});
    if (wake == rt::Wake::cancelled) co_return kGone;
    if (wake == rt::Wake::ready) co_return kDrain;
  }
}

}  // namespace sovmesh::control

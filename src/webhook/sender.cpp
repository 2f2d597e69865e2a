#include "webhook/sender.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/hash.h"
#include "http/url.h"
#include "rt/loop.h"
#include "rt/tls.h"

namespace sovmesh::webhook {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kSecretBytesMin = 16;
constexpr std::chrono::milliseconds kPauseFirst{1'000};
constexpr std::chrono::milliseconds kPauseMax{60'000};

// The key bytes; empty: it is none.
Secret key_of(const Secret& secret) {
  const std::string_view text = secret.reveal();
  if (!text.starts_with(kPrefix)) return secret;
  auto bytes = from_base64(text.substr(kPrefix.size()));
  return bytes ? Secret(*std::move(bytes)) : Secret();
}

// So that the connection can be kept. A long rest, or one that does not come, is left: the
// connection closes with the call.
rt::Task<void> read_rest(http::ClientCall& call, rt::Until until) {
  std::size_t read = 0;
  while (read <= Sender::kRestMax) {
    const auto piece = call.try_read();
    if (!piece || piece->kind == http::BodyPiece::Kind::end) co_return;
    read += piece->bytes.size();
    if (piece->kind == http::BodyPiece::Kind::would_block &&
        co_await call.readable().wait(until) != rt::Wake::ready)
      co_return;
  }
}

// The status of the answer.
rt::Task<Result<int>> post(http::ClientPool& pool, const http::Origin& origin,
                           const http::ClientRequest& request, rt::Loop& loop, rt::Until until) {
  const auto call = pool.call(origin);
  CO_TRY_VOID(co_await call->send(request, until));
  CO_TRY(const http::ClientResponseHead head, co_await call->head(until));
  const rt::Until rest{until.deadline.earlier(loop.in(Sender::kRestTime)), until.cancelled};
  co_await read_rest(*call, rest);
  co_return head.status;
}

bool is_taken(int status) { return status >= 200 && status < 300; }

}  // namespace

bool is_https(std::string_view url) {
  const auto parsed = http::parse_url(url, "/");
  return parsed && parsed->is_tls;
}

Result<std::shared_ptr<const rt::TlsClientContext>> client_context() {
  return rt::TlsClientContext::make({}, {"http/1.1"});
}

std::string sign(const Secret& secret, std::string_view id, std::int64_t unix_seconds,
                 std::string_view body) {
  const HmacKey key(key_of(secret).reveal());
  return "v1," + to_base64(key.of(fmt::format("{}.{}.{}", id, unix_seconds, body)));
}

Result<Sender::Place> Sender::place_of(Target target) {
  TRY(http::Url url, http::parse_url(target.url, "/"));
  if (key_of(target.secret).reveal().size() < kSecretBytesMin) {
    return our_error(Code::config_invalid,
                     "the secret of a webhook must be 16 bytes or more, or whsec_ and base64");
  }
  http::Origin origin;
  origin.host = url.unix_path.empty() ? url.host : "localhost";
  origin.port = url.port;
  origin.unix_path = url.unix_path;
  if (url.is_tls) {
    if (!target.tls)
      return our_error(Code::config_invalid, "no https:// webhook can be called without CAs");
    origin.tls = std::move(target.tls);
  }
  return Place{
      .origin = std::move(origin), .path = std::move(url.path), .secret = std::move(target.secret)};
}

Result<std::unique_ptr<Sender>> Sender::make(Target target, rt::Loop& loop, http::ClientPool& pool,
                                             Random& random) {
  TRY(Place place, place_of(std::move(target)));
  return std::unique_ptr<Sender>(new Sender(std::move(place), loop, pool, random));
}

Sender::Sender(Place place, rt::Loop& loop, http::ClientPool& pool, Random& random)
    : place_(std::move(place)),
      loop_(loop),
      pool_(pool),
      random_(random),
      ids_(loop.clock(), random),
      filled_(loop) {}

Result<void> Sender::aim(Target target) {
  TRY(place_, place_of(std::move(target)));
  return {};
}

void Sender::send(std::string json) {
  if (queue_.size() >= kQueueMax) {
    ++stats_.dropped;
    return;
  }
  queue_.push_back({.id = "msg_" + ids_.next().text(), .body = std::move(json)});
  filled_.set();
}

rt::Task<void> Sender::run(rt::Event& stopping) {
  const rt::Until forever{rt::Deadline::never(), &stopping};
  int attempts = 0;
  for (;;) {
    if (queue_.empty()) filled_.clear();
    if (co_await filled_.wait(forever) == rt::Wake::cancelled) break;
    const bool taken = co_await attempt(queue_.front(), stopping);
    if (stopping.is_set() && !taken) break;
    ++attempts;
    if (taken || attempts >= kAttempts) {
      taken ? ++stats_.delivered : ++stats_.dropped;
      queue_.pop_front();
      attempts = 0;
      continue;
    }
    ++stats_.retried;
    const rt::Until pause{loop_.in(pause_after(attempts)), &stopping};
    if (!co_await rt::sleep(loop_, pause)) break;
  }
  stats_.dropped += queue_.size();
  queue_.clear();
}

rt::Task<bool> Sender::attempt(const Delivery& delivery, rt::Event& stopping) {
  const Place place = place_;  // it may become another one meanwhile
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(loop_.clock().wall_now().time_since_epoch())
          .count();
  const std::string timestamp = std::to_string(seconds);
  const std::string signature = sign(place.secret, delivery.id, seconds, delivery.body);
  http::ClientRequest request{
      .method = "POST", .target = place.path, .fields = {}, .body = delivery.body};
  request.fields = {{"content-type", "application/json"},
                    {"webhook-id", delivery.id},
                    {"webhook-timestamp", timestamp},
                    {"webhook-signature", signature}};
  const rt::Until until{loop_.in(kAnswerTime), &stopping};
  const Result<int> status = co_await post(pool_, place.origin, request, loop_, until);
  if (status || !stopping.is_set()) note(status);
  co_return status&& is_taken(*status);
}

void Sender::note(const Result<int>& status) {
  Attempt attempt{.status = {}, .error = {}, .at = loop_.clock().wall_now()};
  if (status) {
    attempt.status = *status;
    const bool redirects = *status >= 300 && *status < 400;
    if (!is_taken(*status))
      attempt.error = fmt::format("the receiver answered {}{}", *status,
                                  redirects ? ": redirects are not followed" : "");
  } else if (status.error().code() == Code::timed_out) {
    attempt.error = fmt::format("no answer within {} s", kAnswerTime.count());
  } else {
    attempt.error = status.error().message();
  }
  last_ = std::move(attempt);
}

// Half of it is chance, so that many senders do not come back at once.
std::chrono::milliseconds Sender::pause_after(int attempts) {
  const auto whole =
      std::min(kPauseMax, kPauseFirst * (std::int64_t{1} << std::min(attempts - 1, 10)));
  std::array<unsigned char, 2> chance{};
  random_.fill(chance);
  const int share = chance[0] * 256 + chance[1];  // of 65,536
  return whole / 2 + whole / 2 * share / 65'536;
}

}  // namespace sovmesh::webhook

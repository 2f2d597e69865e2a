#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "http/client.h"
#include "rt/event.h"
#include "rt/task.h"
#include "rt/tls.h"

namespace sovmesh::webhook {

// Where events go and how they are signed.
struct Target {
  std::string url;  // http://, https:// or unix:
  Secret secret;    // as it is, or "whsec_" and base64
  // Whose certificates are believed. Reading the system's takes long, so that all share what
  // client_context() made. Nothing: no https://.
  std::shared_ptr<const rt::TlsClientContext> tls = {};
};

bool is_https(std::string_view url);
// Believes the system's CAs. Takes some 100 ms.
Result<std::shared_ptr<const rt::TlsClientContext>> client_context();

// The signature of a delivery by the rules of Standard Webhooks: "v1," and the base64 of
// HMAC-SHA256(secret, "ID.TIMESTAMP.BODY").
std::string sign(const Secret& secret, std::string_view id, std::int64_t unix_seconds,
                 std::string_view body);

// Delivers events to one place, in order, one at a time: POST with `webhook-id`,
// `webhook-timestamp` and `webhook-signature`. What is not taken (no 2xx within 10 s) is tried
// again after 1, 2, 4 ... 60 seconds, some of it by chance, and given up after kAttempts. The
// status alone decides, whatever follows it. At most kQueueMax events wait: more are dropped and
// counted. One worker's.
class Sender {
 public:
  static constexpr std::size_t kQueueMax = 1'000;
  static constexpr int kAttempts = 12;  // some six minutes
  static constexpr std::chrono::seconds kAnswerTime{10};
  // Of the rest of an answer, that nobody wants: within these its connection is kept.
  static constexpr std::size_t kRestMax = std::size_t{64} * 1024;
  static constexpr std::chrono::milliseconds kRestTime{500};

  struct Stats {
    std::uint64_t delivered = 0;
    std::uint64_t retried = 0;  // attempts that failed
    std::uint64_t dropped = 0;  // given up, or no room
  };

  // What came of the latest attempt.
  struct Attempt {
    std::optional<int> status;  // of the answer, if there was one
    std::string error;          // empty: it was taken
    WallTime at{};
  };

  // Code::config_invalid for a URL or a secret that is none.
  static Result<std::unique_ptr<Sender>> make(Target target, rt::Loop& loop, http::ClientPool& pool,
                                              Random& random);

  // Queues an event: `json` is its whole body. Never waits.
  void send(std::string json);
  // The next attempt goes there; what waits stays. Code::config_invalid, and then nothing has
  // changed.
  Result<void> aim(Target target);
  // Delivers until `stopping` is set; what waits then is dropped. A redirect is an answer as any
  // other that is no 2xx: nobody follows it.
  rt::Task<void> run(rt::Event& stopping);
  const Stats& stats() const { return stats_; }
  const std::optional<Attempt>& last() const { return last_; }  // nothing: there was none
  std::size_t waiting() const { return queue_.size(); }

 private:
  struct Delivery {
    std::string id;
    std::string body;
  };
  struct Place {
    http::Origin origin;
    std::string path;
    Secret secret;
  };
  static Result<Place> place_of(Target target);
  Sender(Place place, rt::Loop& loop, http::ClientPool& pool, Random& random);
  void note(const Result<int>& status);
  rt::Task<bool> attempt(const Delivery& delivery, rt::Event& stopping);
  std::chrono::milliseconds pause_after(int attempts);

  Place place_;
  rt::Loop& loop_;
  http::ClientPool& pool_;
  Random& random_;
  UlidSource ids_;
  rt::Event filled_;
  std::deque<Delivery> queue_;
  Stats stats_;
  std::optional<Attempt> last_;
};

}  // namespace sovmesh::webhook

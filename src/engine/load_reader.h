#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/guarded.h"
#include "base/random.h"
#include "base/secret.h"
#include "engine/engine.h"
#include "http/client.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"

namespace sovmesh::engine {

// An engine's load as other threads see it. Its own loop writes.
class LoadBoard {
 public:
  void set(std::optional<LoadReading> reading);
  std::optional<LoadReading> reading() const;
  // Read for each request, so without the lock.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable Guarded<std::optional<LoadReading>> reading_;
  std::atomic<std::uint64_t> version_{0};
};

// Whether engines of the dialect have a page that says how busy they are.
bool tells_load(llmapi::Dialect dialect);

// Reads an engine's metrics page over and over, from its own loop until cancelled: often while the
// engine is busy, seldom while it is not or cannot say. What is older than kStaleAfter is taken
// back: nobody should wait because of what an engine said once.
class LoadReader {
 public:
  struct Options {
    llmapi::Dialect dialect = llmapi::Dialect::openai;
    std::string base_path = "/v1";
    std::chrono::milliseconds busy{250};  // these two plus or minus 10 %
    std::chrono::milliseconds idle{1'000};
    std::chrono::milliseconds timeout{1'000};
  };
  static constexpr std::chrono::milliseconds kStaleAfter{5'000};
  static constexpr std::chrono::milliseconds kPauseMax{30'000};  // after failures

  // References outlive the reader.
  LoadReader(rt::Loop& loop, Random& random, http::ClientPool& pool, const http::Origin& origin,
             const Secret& api_key, Options options, LoadBoard& board);

  rt::Task<void> run(rt::Event& cancelled);

 private:
  void take(Instant asked, const Result<EngineCounters>& counters);
  std::chrono::milliseconds next_pause();

  rt::Loop& loop_;
  Random& random_;
  http::ClientPool& pool_;
  const http::Origin& origin_;
  const Secret& api_key_;
  Options options_;
  LoadBoard& board_;
  std::optional<LoadReading> last_;
  int failures_ = 0;  // in a row
};

}  // namespace sovmesh::engine

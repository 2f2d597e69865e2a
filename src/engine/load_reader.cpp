#include "engine/load_reader.h"

#include <algorithm>
#include <utility>

#include "engine/health.h"

namespace sovmesh::engine {

void LoadBoard::set(std::optional<LoadReading> reading) {
  reading_.with([&](auto& shown) { shown = std::move(reading); });
  version_.fetch_add(1, std::memory_order_release);
}

std::optional<LoadReading> LoadBoard::reading() const {
  return reading_.with([](const auto& shown) { return shown; });
}

bool tells_load(llmapi::Dialect dialect) { return dialect != llmapi::Dialect::openai; }

LoadReader::LoadReader(rt::Loop& loop, Random& random, http::ClientPool& pool,
                       const http::Origin& origin, const Secret& api_key, Options options,
                       LoadBoard& board)
    : loop_(loop),
      random_(random),
      pool_(pool),
      origin_(origin),
      api_key_(api_key),
      options_(std::move(options)),
      board_(board) {}

rt::Task<void> LoadReader::run(rt::Event& cancelled) {
  for (;;) {
    const Instant asked = loop_.now();
    const rt::Until until{loop_.in(options_.timeout), &cancelled};
    const auto counters = co_await read_counters(pool_, origin_, options_.dialect,
                                                 options_.base_path, api_key_, until);
    if (cancelled.is_set()) break;
    take(asked, counters);
    const rt::Until pause{loop_.in(next_pause()), &cancelled};
    if (!co_await rt::sleep(loop_, pause)) break;
  }
  if (last_) board_.set(std::nullopt);
}

void LoadReader::take(Instant asked, const Result<EngineCounters>& counters) {
  if (counters) {
    failures_ = 0;
    last_ = LoadReading{.at = asked,
                        .until = loop_.now(),
                        .running = counters->running,
                        .waiting = counters->waiting,
                        .kv_used = counters->kv_used,
                        .kv_tokens = counters->kv_tokens};
    board_.set(last_);
    return;
  }
  ++failures_;
  if (!last_ || loop_.now() - last_->at < kStaleAfter) return;
  last_.reset();
  board_.set(std::nullopt);
}

std::chrono::milliseconds LoadReader::next_pause() {
  const bool is_busy = last_ && last_->running + last_->waiting > 0;
  auto pause = is_busy ? options_.busy : options_.idle;
  // Until what it said last is stale it is asked as before.
  constexpr int kDoublingsMax = 8;
  if (!last_)
    pause = std::min(options_.idle * (1 << std::min(failures_, kDoublingsMax)), kPauseMax);
  return spread(pause, random_);
}

}  // namespace sovmesh::engine

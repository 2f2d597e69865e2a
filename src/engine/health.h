#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "engine/engine.h"
#include "http/client.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"

namespace sovmesh::engine {

// Which GETs must all answer 200. `base_path` is the API's ("/v1"); health pages lie beside it.
// vLLM registers its models late, so its first "ready" also wants the model list. With
// `list_models` the model list is always the last one.
std::vector<std::string> probe_targets(llmapi::Dialect dialect, std::string_view base_path,
                                       bool is_ready, bool list_models = false);

// Asks each target in turn; the reason of the first that is not 200 is the error's message. The
// body of the last one goes to `last_body` when given.
rt::Task<Result<void>> probe(http::ClientPool& pool, const http::Origin& origin,
                             std::vector<std::string> targets, const Secret& api_key,
                             rt::Until until, std::string* last_body = nullptr);

// The engine's own counters, read from its metrics page.
rt::Task<Result<EngineCounters>> read_counters(http::ClientPool& pool, const http::Origin& origin,
                                               llmapi::Dialect dialect, std::string_view base_path,
                                               const Secret& api_key, rt::Until until);

// Up to a tenth more or less, so that many who ask do not ask together.
std::chrono::milliseconds spread(std::chrono::milliseconds pause, Random& random);

// Two failures in a row are down, one success is up.
class HealthRule {
 public:
  static constexpr int kFailuresMax = 2;
  void succeeded() { failures_ = 0; }
  void failed() { failures_ = failures_ < kFailuresMax ? failures_ + 1 : failures_; }
  bool is_down() const { return failures_ >= kFailuresMax; }
  bool is_doubtful() const { return failures_ > 0; }

 private:
  int failures_ = 0;
};

// Watches one engine from its own loop until cancelled.
class HealthProber {
 public:
  struct Options {
    llmapi::Dialect dialect = llmapi::Dialect::openai;
    std::string base_path = "/v1";
    std::chrono::milliseconds interval{5'000};  // plus or minus 10 %
    std::chrono::milliseconds timeout{3'000};
    // When set, each probe also asks for the model list and hands its text over, on the loop.
    std::function<void(std::string_view json)> on_model_list;
  };
  // `on_verdict` runs on the loop after each probe that settles something: success, or the failure
  // that makes it down (and each one after it). References outlive the prober.
  using OnVerdict = std::function<void(const Result<void>&)>;
  HealthProber(rt::Loop& loop, Random& random, http::ClientPool& pool, const http::Origin& origin,
               const Secret& api_key, Options options, OnVerdict on_verdict);

  rt::Task<void> run(rt::Event& cancelled);
  // The data path saw a failure: it counts as one, and the next probe is now. On the loop.
  void suspect();

 private:
  // A suspicious data path cannot make us probe more often than this.
  static constexpr std::chrono::milliseconds kGapMin{100};
  // After a first failure the second look comes soon.
  static constexpr std::chrono::milliseconds kDoubtInterval{1'000};

  std::chrono::milliseconds next_delay();

  rt::Loop& loop_;
  Random& random_;
  http::ClientPool& pool_;
  const http::Origin& origin_;
  const Secret& api_key_;
  Options options_;
  OnVerdict on_verdict_;
  HealthRule rule_;
  bool is_ready_ = false;
  rt::Event suspected_;
};

}  // namespace sovmesh::engine

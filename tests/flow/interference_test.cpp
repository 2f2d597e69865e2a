// Non-interference: all that one tenant sees and all that is kept of it is the same to the byte
// whether another tenant is there or not.
//
// Held equal, because sharing it is what a shared gateway is for: the capacity (slots for both, one
// millisecond for each commit of the ledger, one delay of the network). Left out, because they
// differ from run to run by themselves: ids, dates and measured times (without_ids).

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "rt/sim/world.h"
#include "tests/flow/gateway_world.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using limits::Measure;
using limits::Window;

constexpr int kSlots = 64;

// Pairs of runs: SM_TRACE_PAIRS, or those of a daily test.
std::uint64_t trace_pairs(std::uint64_t usual) {
  const char* text = std::getenv("SM_TRACE_PAIRS");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : usual;
}

// What lets one tenant learn of another. The comparison has to find each of them.
enum class Leak : std::uint8_t { none, shared_limit, shared_cache, shared_key, shared_slots };

// What a tenant does at one moment.
struct Act {
  std::chrono::milliseconds at{0};
  std::string bytes;
  std::chrono::milliseconds hangs_up_after{0};  // 0: it waits for the answer
};

class Tenant {
 public:
  Tenant(std::string name, std::uint64_t seed) : name_(std::move(name)), dice_(seed) {}

  // Moments are a step apart, so that no event of one moment meets one of the next: the world's
  // own times are far shorter, and tokens come every 10 ms.
  static constexpr auto kStep = 50ms;
  static constexpr auto kOffset = 113ms;

  std::vector<Act> acts(const GatewayWorld& gateway, int count, int steps, bool borrowed_key) {
    key_ = borrowed_key ? "aurora" : name_;
    std::vector<Act> acts;
    for (int i = 0; i < count; ++i) {
      // A time of its own: which of a tenant's requests gets the last of its budget must not
      // be a matter of chance.
      Act act{.at = kOffset + kStep * below(static_cast<std::uint32_t>(steps)) + 3ms * (i % 10)};
      act.bytes = request(gateway, act);
      acts.push_back(std::move(act));
    }
    return acts;
  }

 private:
  std::uint32_t below(std::uint32_t bound) { return dice_.below(bound); }
  std::string get(const GatewayWorld& gateway, std::string_view path) const {
    return "GET " + std::string(path) + " HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer " +
           gateway.key(key_) + "\r\n\r\n";
  }
  // The same few prompts and keys for everybody.
  std::string request(const GatewayWorld& gateway, Act& act) {
    constexpr std::array<std::string_view, 5> kFaults{"die-before", "die-after=3", "eof-after=2",
                                                      "status=503", "error-after=4"};
    const std::string_view path = "/v1/chat/completions";
    std::string wish = "[[sim:rate=100,tokens=" + std::to_string(1 + below(3)) + "0]] ";
    const std::string prompt = "prompt " + std::to_string(below(3));
    const std::string_view more = below(2) == 0 ? kStream : std::string_view();
    switch (below(11)) {
      case 0:
        return get(gateway, "/v1/models");
      case 1:
        // One report of usage: whether a second one finds the first still being made is a matter of
        // the threads that all share.
        if (below(2) != 0 && !std::exchange(has_reported_, true)) return get(gateway, "/v1/usage");
        return get(gateway, "/v1/models/aurora-only");
      case 2:
        return post_bytes(gateway, path, "{\"model\":" + prompt, key_);
      case 3:
        return post_bytes(gateway, path, chat_body(prompt, "", "aurora-only"), key_);
      case 4:
        act.hangs_up_after = 35ms;
        return post_bytes(gateway, path, chat_body(wish + prompt, kStream), key_);
      case 5:
        wish = "[[sim:" + std::string(kFaults[below(kFaults.size())]) + "]] ";
        return post_bytes(gateway, path, chat_body(wish + prompt, more), key_);
      case 6:
      case 7:
        return post_bytes(gateway, path, chat_body("[[sim:rate=100,tokens=10]] " + prompt, more),
                          key_, "idempotency-key: k" + std::to_string(below(2)) + "\r\n");
      case 8:
        return post_bytes(gateway, "/v1/embeddings",
                          R"({"model":"embed","input":")" + prompt + "\"}", key_);
      default:
        return post_bytes(gateway, path, chat_body(wish + prompt, more), key_);
    }
  }

  std::string name_;
  std::string key_;
  bool has_reported_ = false;
  rt::sim::SeededRandom dice_;
};

// One connection for each act, made before anything happens.
struct Doing {
  Act act;
  std::unique_ptr<Client> client;
};

class TwoTenants {
 public:
  TwoTenants(std::uint64_t seed, bool with_other, Leak leak)
      : gateway_(seed, {}, leak == Leak::shared_slots ? 1 : kSlots) {
    set_up(leak);
    Tenant aurora("aurora", seed * 2 + 1);
    connect(aurora.acts(gateway_, kOurs, kMoments, false));
    if (with_other) {
      Tenant borealis("borealis", seed * 2 + 2);
      connect(borealis.acts(gateway_, kTheirs, kMoments, leak == Leak::shared_key));
    }
    act();
    remember();
  }

  // All that aurora got, and all that is kept of it: a text for each thing.
  std::vector<std::string> seen;

 private:
  static constexpr int kOurs = 10;
  static constexpr int kTheirs = 16;
  static constexpr int kMoments = 20;

  void set_up(Leak leak) {
    rt::sim::LinkOptions& link = gateway_.world.wire().options;
    link.delay_min = link.delay_max = 100us;
    link.split = false;
    link.send_buffer = link.receive_buffer = std::size_t{1} << 20;
    gateway_.engine->capabilities_.cache_salt = leak != Leak::shared_cache;
    for (const std::string_view tenant : {"aurora", "borealis"}) {
      gateway_.limit(gateway_.tenant_limit(tenant, Measure::requests, Window::minute, 8));
      gateway_.limit(gateway_.tenant_limit(tenant, Measure::output_tokens, Window::day, 120));
      gateway_.limit(gateway_.tenant_limit(tenant, Measure::concurrency, Window::none, 2));
    }
    if (leak != Leak::shared_limit) return;
    gateway_.put_in_pool("engine", "commons");
    limits::Limit shared = gateway_.tenant_limit("aurora", Measure::requests, Window::minute, 9);
    shared.target = limits::Target::one(limits::ScopeKey::pool("commons"), "pool:commons");
    gateway_.limit(std::move(shared));
  }

  void connect(std::vector<Act> acts) {
    for (Act& act : acts)
      doing_.push_back({std::move(act), std::make_unique<Client>(gateway_)});
  }

  void until(Instant when) {
    if (when > gateway_.world.now()) gateway_.world.run_for(when - gateway_.world.now());
  }

  // What is due at one moment happens in the order in which it was planned: ours first.
  void act() {
    struct Step {
      Doing* doing;
      bool hangs_up;
    };
    std::multimap<std::chrono::milliseconds, Step> steps;
    for (Doing& doing : doing_) {
      steps.emplace(doing.act.at, Step{&doing, false});
      if (doing.act.hangs_up_after.count() > 0)
        steps.emplace(doing.act.at + doing.act.hangs_up_after, Step{&doing, true});
    }
    const Instant began = start_ + kBegin;
    for (const auto& [at, step] : steps) {
      until(began + at);
      if (step.hangs_up) {
        step.doing->client->hang_up();
      } else {
        step.doing->client->send(step.doing->act.bytes);
      }
    }
    until(began + 10min);
  }

  void remember() {
    for (int i = 0; i < kOurs; ++i) {
      Doing& doing = doing_[static_cast<std::size_t>(i)];
      if (doing.act.hangs_up_after.count() > 0) continue;
      // Not how it fell into chunks: what is ready at one moment may be sent in one or two.
      const Answer answer = doing.client->answer(0ms);
      seen.push_back(without_ids(answer.head + answer.body + (answer.complete ? "" : " (cut)")));
    }
    // Of requests that are sent at one moment any may be the first.
    std::multiset<std::string> rows;
    for (const RequestId& id : gateway_.ledger.order) {
      const MemoryLedger::Row& row = gateway_.ledger.records.at(id);
      if (row.intent.tenant != GatewayWorld::tenant_id("aurora")) continue;
      std::string text = row.intent.model + (row.voided ? " void" : "");
      if (row.settlement) {
        const metering::Counts& counts = row.settlement->counts;
        text += fmt::format(" {}: {} ({}) {} {}", static_cast<int>(row.settlement->finish),
                            counts.prompt, counts.cached, counts.generated, counts.delivered);
      }
      rows.insert(std::move(text));
    }
    seen.push_back(fmt::format("{}", fmt::join(rows, "\n")));
    std::string limits;
    for (const limits::Status& status : gateway_.balances()) {
      if (status.scope == "tenant:aurora")
        limits += fmt::format("{} {} {}\n", status.limit, status.used, status.reserved);
    }
    seen.push_back(std::move(limits));
    seen.push_back(lines_with(gateway_.metrics(), "tenant=\"aurora\""));
  }
  // Sorted: the page has them in the order in which they were first counted.
  static std::string lines_with(const std::string& page, std::string_view text) {
    std::multiset<std::string_view> lines;
    for (std::size_t at = 0; at < page.size();) {
      const std::size_t end = std::min(page.find('\n', at), page.size());
      const std::string_view line = std::string_view(page).substr(at, end - at);
      if (line.find(text) != line.npos) lines.insert(line);
      at = end + 1;
    }
    return fmt::format("{}", fmt::join(lines, "\n"));
  }

  static constexpr auto kBegin = 2s;  // behind all connecting
  GatewayWorld gateway_;
  const Instant start_ = gateway_.world.now();
  std::vector<Doing> doing_;
};

// What differs, shown; empty: nothing does.
std::string difference(std::uint64_t seed, Leak leak = Leak::none) {
  const std::vector<std::string> alone = TwoTenants(seed, false, leak).seen;
  const std::vector<std::string> together = TwoTenants(seed, true, leak).seen;
  if (alone.size() != together.size()) return "not as many things";
  for (std::size_t i = 0; i < alone.size(); ++i) {
    if (alone[i] != together[i])
      return fmt::format("thing {}, alone:\n{}\ntogether:\n{}", i, alone[i], together[i]);
  }
  return {};
}

TEST(Interference, WhatATenantSeesDoesNotDependOnOthers) {
  const std::uint64_t pairs = trace_pairs(300);
  std::uint64_t differences = 0;
  for (std::uint64_t seed = 1; seed <= pairs && differences < 3; ++seed) {
    const std::string found = difference(seed);
    if (found.empty()) continue;
    ++differences;
    ADD_FAILURE() << "seed " << seed << ": " << found;
  }
  std::printf("    %llu pairs, %llu differences\n", static_cast<unsigned long long>(pairs),
              static_cast<unsigned long long>(differences));
}

// Otherwise nothing would be compared.
TEST(Interference, TheTracesDoWhatTenantsDo) {
  std::string all;
  for (std::uint64_t seed = 1; seed <= 60; ++seed)
    for (const std::string& text : TwoTenants(seed, true, Leak::none).seen)
      all += text;
  for (const std::string_view text :
       {"HTTP/1.1 200", "data: [DONE]", "x-ratelimit-remaining-requests: ", "HTTP/1.1 400",
        "HTTP/1.1 429", "idempotency_replay_unavailable", "concurrency_limit_exceeded",
        "upstream_error", "\"cached_tokens\":", "aurora-only", "sm_requests_total{",
        "x-ratelimit-remaining-tokens: "})
    EXPECT_NE(all.find(text), all.npos) << text;
}

TEST(Interference, EveryLeakIsFound) {
  for (const Leak leak :
       {Leak::shared_limit, Leak::shared_cache, Leak::shared_key, Leak::shared_slots}) {
    std::uint64_t seed = 1;
    while (seed <= 30 && difference(seed, leak).empty())
      ++seed;
    EXPECT_LE(seed, 30U) << "leak " << static_cast<int>(leak);
  }
}

}  // namespace
}  // namespace sovmesh::flow

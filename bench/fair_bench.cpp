// What the fair queue costs a request: 10,000 tenants that all have something waiting.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "fairness/pool.h"

namespace sovmesh::fairness {
namespace {

struct Everywhere : Placement {
  bool has_room() const override { return true; }
  std::optional<double> gain(const Request&) override { return 1; }
  void hold(const Request&) override {}
};

// `depth` requests of each tenant wait; every second tenant has a guarantee if wanted.
struct Backlog {
  Backlog(std::int64_t tenants, int depth, bool has_guarantees, Micros window = 0) {
    std::vector<NodeSpec> specs;
    for (std::int64_t i = 0; i < tenants; ++i)
      specs.push_back({.name = "t" + std::to_string(i),
                       .nominal = has_guarantees && i % 2 == 0 ? 0.01 : 0,
                       .weight = static_cast<double>(1 + i % 5)});
    auto tree = PoolTree::build(specs);
    if (!tree) std::abort();
    Options options;
    options.locality_window = window;
    pool.emplace(*std::move(tree), options, now);
    for (int i = 0; i < depth; ++i)
      for (std::int64_t tenant = 0; tenant < tenants; ++tenant)
        enqueue(static_cast<NodeId>(tenant + 1));
  }
  Ticket enqueue(NodeId node) {
    const std::uint64_t number = ++tag;
    const auto result =
        pool->enqueue({.tag = number,
                       .node = node,
                       .input_cost = static_cast<Micros>(1'000 + number % 977 * 100),
                       .token_cost = 25,
                       .tokens_max = 500,
                       .tokens_expected = 200},
                      now);
    if (!result) std::abort();
    return result->ticket;
  }
  Dispatch next() {
    auto decision = pool->next(everywhere, now);
    if (!decision) std::abort();
    return *decision;
  }
  void tick() { now += std::chrono::microseconds(10); }

  Instant now{};
  std::uint64_t tag = 0;
  Everywhere everywhere;
  std::optional<Pool> pool;
};

// Four steps of a request's life: waits, starts, ends; its tenant has another one waiting.
void request(benchmark::State& state) {
  Backlog backlog(state.range(0), 2, state.range(1) != 0);
  for (auto _ : state) {
    backlog.tick();
    const Dispatch decision = backlog.next();
    backlog.pool->on_done(decision.ticket,
                          {.input_cost = decision.request.input_cost, .output_tokens = 100},
                          backlog.now);
    backlog.enqueue(decision.request.node);
  }
}
BENCHMARK(request)
    ->ArgNames({"tenants", "guarantees"})
    ->Args({100, 0})
    ->Args({10'000, 0})
    ->Args({10'000, 1});

// Batches of one kind of step, so that the steps can be told apart.
void enqueue(benchmark::State& state) {
  Backlog backlog(10'000, 1, false);
  std::vector<Ticket> tickets(1'000);
  for (auto _ : state) {
    for (std::size_t i = 0; i < tickets.size(); ++i)
      tickets[i] = backlog.enqueue(static_cast<NodeId>(1 + backlog.tag * 7'919 % 10'000));
    state.PauseTiming();
    for (const Ticket ticket : tickets)
      (void)backlog.pool->cancel(ticket, backlog.now);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * 1'000);
}
BENCHMARK(enqueue);

void dequeue(benchmark::State& state) {
  Backlog backlog(10'000, 2, false, state.range(0));
  std::vector<Dispatch> decisions(1'000);
  for (auto _ : state) {
    for (Dispatch& decision : decisions) {
      backlog.tick();
      decision = backlog.next();
    }
    state.PauseTiming();
    for (const Dispatch& decision : decisions) {
      backlog.pool->on_done(decision.ticket,
                            {.input_cost = decision.request.input_cost, .output_tokens = 100},
                            backlog.now);
      backlog.enqueue(decision.request.node);
    }
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations() * 1'000);
}
BENCHMARK(dequeue)->ArgName("window")->Arg(0)->Arg(200'000);

void token(benchmark::State& state) {
  Backlog backlog(10'000, 2, false);
  std::vector<Ticket> running;
  for (int i = 0; i < 1'000; ++i)
    running.push_back(backlog.next().ticket);
  std::size_t i = 0;
  for (auto _ : state) {
    backlog.pool->on_token(running[i], 1, backlog.now);
    i = (i + 1) % running.size();
  }
}
BENCHMARK(token);

}  // namespace
}  // namespace sovmesh::fairness

BENCHMARK_MAIN();

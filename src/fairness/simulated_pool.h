#pragma once

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <queue>
#include <random>
#include <vector>

#include "fairness/pool.h"

// For tests: a queue in front of GPUs whose time is exactly what requests cost. Each of `slots`
// GPUs works at one request: input_cost microseconds, then token_cost for each output token.
namespace sovmesh::fairness {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Job {
  Request request;
  std::int32_t tokens = 0;  // that it will really generate
  Micros input_cost = 0;    // that it really has
};

template <class Queue>
class SimulatedPool : public Placement {
 public:
  SimulatedPool(Queue& queue, std::size_t slots) : queue_(queue), free_(slots) {}

  Instant now() const { return now_; }
  double seconds_run() const { return std::chrono::duration<double>(now_ - Instant{}).count(); }

  // Called for each job that starts; to keep somebody backlogged, submit another one from here.
  std::function<void(const Job&, Instant::duration waited)> on_start;
  std::function<void(const Job&)> on_end;
  std::function<void()> after_event;
  std::function<std::optional<double>(const Request&)> gain_of;
  std::function<void(const Request&)> on_hold;
  std::function<bool(const Request&)> in_the_way;
  // Borrowers that were named give way so much later; nothing: nobody is named.
  std::optional<milliseconds> cancel_time;
  std::function<bool(const Request& running, const Request& claimant)> makes_room_for;
  std::function<void(const Job&)> on_again;
  bool charges_at_completion = false;  // the defect that streaming repairs
  std::int64_t tokens_per_event = 1;

  bool submit(Job job) {
    job.request.tag = jobs_.size();
    if (job.input_cost == 0) job.input_cost = job.request.input_cost;
    jobs_.push_back(job);
    last_result = queue_.enqueue(job.request, now_);
    if (!last_result) return false;
    return true;
  }
  void at(Instant when, std::function<void()> what) {
    events_.push({when, order_++, kCall, calls_.size()});
    calls_.push_back(std::move(what));
  }
  void run_until(Instant end) {
    pump();
    while (!events_.empty() && events_.top().when <= end) {
      const Event event = events_.top();
      events_.pop();
      now_ = std::max(now_, event.when);
      if (event.kind == kCall) calls_[event.index]();
      if (event.kind == kStep) step(event.index, event.run);
      pump();
      if (after_event) after_event();
    }
    now_ = end;
  }

  double service(NodeId node) const {
    const auto it = service_.find(node);
    return it == service_.end() ? 0 : it->second;
  }
  double service_of(PriorityClass priority) const {
    return class_service_[static_cast<std::size_t>(priority)];
  }
  std::size_t running(NodeId node) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        streams_, [&](const Stream& s) { return s.is_on && s.job.request.node == node; }));
  }
  // U, from the jobs alone: most that a node's running requests could still add, with the input of
  // the one just started.
  double potential(NodeId node) const {
    const auto it = potential_.find(node);
    return it == potential_.end() ? 0 : it->second;
  }
  // Most that a node's running requests will get back together.
  double refundable(NodeId node) const {
    const auto it = refundable_.find(node);
    return it == refundable_.end() ? 0 : it->second;
  }
  void abort_after(NodeId node, std::int32_t tokens) { abort_[node] = tokens; }
  std::expected<Enqueued, Refusal> last_result;
  std::uint64_t gone_again = 0, cut = 0, withdrawn = 0;

  bool makes_room(Ticket running, const Request& claimant) const override {
    const auto its = std::ranges::find(streams_, running, &Stream::ticket);
    return its != streams_.end() && (!makes_room_for || makes_room_for(its->job.request, claimant));
  }
  bool has_room() const override { return free_ > 0; }
  std::optional<double> gain(const Request& request) override {
    return gain_of ? gain_of(request) : std::optional<double>(0);
  }
  bool is_in_the_way(const Request& request) override { return in_the_way && in_the_way(request); }
  void hold(const Request& request) override {
    if (on_hold) on_hold(request);
  }

 private:
  static constexpr std::size_t kStep = 0, kCall = 1, kWake = 2;
  struct Event {
    Instant when;
    std::uint64_t order;
    std::size_t kind, index;
    std::uint64_t run = 0;  // of the stream
    bool operator>(const Event& other) const {
      return std::pair(when, order) > std::pair(other.when, other.order);
    }
  };
  struct Stream {
    Job job;
    Ticket ticket;
    std::int64_t done = -1;  // -1: reads its input
    bool is_on = false;
    std::uint64_t run = 0;
    std::optional<std::int64_t> cut_at;
  };

  void pump() {
    while (const auto decision = queue_.next(*this, now_)) {
      --free_;
      std::size_t index = 0;
      while (index < streams_.size() && streams_[index].is_on)
        ++index;
      if (index == streams_.size()) streams_.emplace_back();
      const Job job = jobs_[decision->request.tag];
      streams_[index] = {
          .job = job, .ticket = decision->ticket, .is_on = true, .run = ++runs_, .cut_at = {}};
      note_potential(job.request.node, static_cast<double>(job.request.input_cost));
      // The input is charged, and counted here, when it starts.
      count(job, static_cast<double>(job.request.input_cost));
      schedule(index, microseconds(job.input_cost));
      if (on_start) on_start(job, decision->waited);
    }
    if constexpr (requires { queue_.next_wake(); }) {
      if (cancel_time) reclaim();

      const Instant wake = queue_.next_wake();
      if (wake == Instant::max() || wake <= now_ || (wake_ > now_ && wake_ <= wake)) return;
      wake_ = wake;
      events_.push({wake, order_++, kWake, 0});
    }
  }
  void reclaim() {
    std::array<Reclaim, 3> given;
    for (std::size_t n = given.size(); n == given.size();) {
      n = queue_.reclaim(*this, given, now_);
      for (std::size_t i = 0; i < n; ++i) {
        const auto named_one = std::ranges::find(streams_, given[i].ticket, &Stream::ticket);
        if (named_one == streams_.end()) std::abort();
        if (given[i].leeway == Leeway::cut) {
          named_one->cut_at = given[i].tokens;
          continue;
        }
        const auto index = static_cast<std::size_t>(named_one - streams_.begin());
        at(now_ + *cancel_time, [this, index, run = named_one->run] { go_again(index, run); });
      }
    }
  }
  void go_again(std::size_t index, std::uint64_t run) {
    Stream& stream = streams_[index];
    if (!stream.is_on || stream.run != run) return;
    if (!queue_.give_way(stream.ticket, now_)) {
      ++withdrawn;
      return;
    }
    stream.is_on = false;
    ++free_;
    ++gone_again;
    const Job job = stream.job;
    const Again again{.used = {.input_cost = job.input_cost,
                               .output_tokens = std::max<std::int64_t>(stream.done, 0)},
                      .kind = job.request.kind};
    if (!queue_.requeue(std::exchange(stream.ticket, {}), again, now_)) std::abort();
    if (on_again) on_again(job);
  }
  void note_potential(NodeId node, double input) {
    double open = input;
    double refunds = 0;
    for (const Stream& stream : streams_) {
      const Request& request = stream.job.request;
      if (!stream.is_on || request.node != node) continue;
      refunds += static_cast<double>(request.input_cost - stream.job.input_cost);
      open += request.token_cost *
              static_cast<double>(request.tokens_max - std::max<std::int64_t>(stream.done, 0));
    }
    potential_[node] = std::max(potential_[node], open);
    refundable_[node] = std::max(refundable_[node], refunds);
  }
  void count(const Job& job, double cost) {
    service_[job.request.node] += cost;
    class_service_[static_cast<std::size_t>(job.request.priority)] += cost;
  }
  void schedule(std::size_t index, microseconds delay) {
    events_.push({now_ + delay, order_++, kStep, index, streams_[index].run});
  }
  void step(std::size_t index, std::uint64_t run) {
    Stream& stream = streams_[index];
    if (!stream.is_on || stream.run != run) return;
    const Job& job = stream.job;
    const std::int64_t before = std::max<std::int64_t>(stream.done, 0);
    if (stream.done >= 0) {
      stream.done = std::min<std::int64_t>(stream.done + tokens_per_event, job.tokens);
      count(job, job.request.token_cost * static_cast<double>(stream.done - before));
      if (!charges_at_completion) queue_.on_token(stream.ticket, stream.done - before, now_);
    } else {
      stream.done = 0;
    }
    std::int64_t last = job.tokens;
    if (const auto it = abort_.find(job.request.node); it != abort_.end())
      last = std::min<std::int64_t>(last, it->second);
    if constexpr (requires { queue_.next_wake(); }) {
      if (stream.cut_at && stream.done >= *stream.cut_at) {
        if (queue_.give_way(stream.ticket, now_)) {
          ++cut;
          return finish(index);
        }
        stream.cut_at.reset();
        ++withdrawn;
      }
    }
    if (stream.done >= last) return finish(index);
    const std::int64_t more = std::min<std::int64_t>(tokens_per_event, job.tokens - stream.done);
    schedule(index, microseconds(static_cast<std::int64_t>(job.request.token_cost *
                                                           static_cast<double>(more))));
  }
  void finish(std::size_t index) {
    Stream& stream = streams_[index];
    const Job job = stream.job;
    count(job, static_cast<double>(job.input_cost - job.request.input_cost));
    stream.is_on = false;
    ++free_;
    queue_.on_done(std::exchange(stream.ticket, {}),
                   {.input_cost = job.input_cost, .output_tokens = stream.done}, now_);
    if (on_end) on_end(job);
  }

  Queue& queue_;
  std::size_t free_;
  Instant now_{}, wake_{};
  std::uint64_t order_ = 0, runs_ = 0;
  std::vector<Job> jobs_;
  std::vector<Stream> streams_;
  std::vector<std::function<void()>> calls_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::map<NodeId, double> service_, potential_, refundable_;
  std::map<NodeId, std::int32_t> abort_;
  std::array<double, kClasses> class_service_{};
};

// A pool whose tenants t0, t1, ... have these weights, and nothing guaranteed. Node i + 1 is t<i>.
inline PoolTree tree_by_weight(const std::vector<double>& weights) {
  std::vector<NodeSpec> specs;
  for (const double weight : weights)
    specs.push_back({.name = "t" + std::to_string(specs.size()), .weight = weight});
  return PoolTree::build(specs).value();
}

// A job of so much input and output, of a GPU millisecond per token.
inline Job job_of(NodeId node, milliseconds input, std::int32_t tokens,
                  std::int32_t tokens_max = 0) {
  return {.request = {.node = node,
                      .input_cost = microseconds(input).count(),
                      .token_cost = 1'000,
                      .tokens_max = std::max(tokens, tokens_max),
                      .tokens_expected = tokens},
          .tokens = tokens};
}

}  // namespace sovmesh::fairness

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sovmesh::observe {

// One time series each. Any thread; relaxed atomics. References stay valid as long as the registry
// (or Family::only()).
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double n) { value_.fetch_add(n, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// A sum that somebody else keeps, shown as a counter: it never falls.
class Total {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds);  // ascending upper bounds, without +Inf
  void observe(double value);
  std::uint64_t count() const;

 private:
  friend class Registry;
  std::span<const double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> buckets_;  // bounds_.size() + 1
  std::atomic<double> sum_{0};
};

// All series of one name. At most `series_max` label combinations exist: later ones share one
// series whose labels all read "other", so that nobody can make the page grow without end.
template <class T>
class Family {
 public:
  // The series with these label values (as many as the family has labels). Takes a lock: callers
  // keep the reference.
  T& with(std::span<const std::string_view> label_values);
  T& with(std::initializer_list<std::string_view> values) {
    return with(std::span<const std::string_view>(values.begin(), values.size()));
  }
  // The same, and every other series goes, with all references: for a label that is the value.
  T& only(std::initializer_list<std::string_view> values);
  // Series whose first labels have these values go, with all references to them: what they told of
  // is gone.
  void forget(std::initializer_list<std::string_view> first_values);

 private:
  friend class Registry;
  struct Impl;
  explicit Family(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;

 public:
  ~Family();
};

// The metrics of one process, in the order they were made. Names and buckets: docs/metrics.md.
class Registry {
 public:
  Registry();
  ~Registry();
  Family<Counter>& counters(std::string_view name, std::string_view help,
                            std::vector<std::string> labels, std::size_t series_max = 1'000);
  Family<Gauge>& gauges(std::string_view name, std::string_view help,
                        std::vector<std::string> labels, std::size_t series_max = 1'000);
  Family<Total>& totals(std::string_view name, std::string_view help,
                        std::vector<std::string> labels, std::size_t series_max = 1'000);
  Family<Histogram>& histograms(std::string_view name, std::string_view help,
                                std::vector<std::string> labels, std::vector<double> bounds,
                                std::size_t series_max = 1'000);
  // Runs before each rendering, to set gauges from live objects.
  void on_render(std::function<void()> update);
  // Prometheus text format 0.0.4.
  std::string render();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sovmesh::observe

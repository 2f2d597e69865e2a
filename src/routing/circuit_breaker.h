#pragma once

#include <cstdint>
#include <utility>

namespace sovmesh::routing {

// How much of an engine's may be in use at once. Ours, not the engine's answer: what does not fit
// waits in the fair queue.
struct CircuitLimits {
  std::int64_t connections_max = 1'024;
  std::int64_t requests_max = 1'024;
  // slots x 1.25, so that the engine always has the next request at hand; at least one more.
  static std::int64_t requests_for(std::int64_t slots);
};

// Counts one resource of an engine. Copies of the permit do not exist; dropping it gives back. The
// circuit outlives its permits.
class Circuit {
 public:
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept : circuit_(std::exchange(other.circuit_, nullptr)) {}
    Permit& operator=(Permit&& other) noexcept {
      std::swap(circuit_, other.circuit_);
      return *this;
    }
    ~Permit() {
      if (circuit_ != nullptr) --circuit_->in_use_;
    }
    explicit operator bool() const { return circuit_ != nullptr; }

   private:
    friend class Circuit;
    explicit Permit(Circuit* circuit) : circuit_(circuit) {}
    Circuit* circuit_ = nullptr;
  };

  explicit Circuit(std::int64_t max) : max_(max) {}
  Circuit(const Circuit&) = delete;
  Circuit& operator=(const Circuit&) = delete;

  // An empty permit when the circuit is open.
  Permit enter();
  bool open() const { return in_use_ >= max_; }
  // A lower bound drops nobody: it holds for who comes next.
  void set_max(std::int64_t max) { max_ = max; }
  std::int64_t in_use() const { return in_use_; }
  std::int64_t max() const { return max_; }
  std::uint64_t refused() const { return refused_; }

 private:
  std::int64_t max_;
  std::int64_t in_use_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace sovmesh::routing

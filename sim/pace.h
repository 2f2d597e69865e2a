#pragma once

#include <cstdint>

#include "base/clock.h"
#include "rt/loop.h"
#include "rt/task.h"
#include "sim/wire.h"

namespace sovmesh::sim {

// When the tokens of one answer come.
class Pace {
 public:
  enum class Wait : std::uint8_t { ready, client_gone, engine_failed };
  virtual ~Pace() = default;
  // Whether each choice has so many tokens.
  virtual bool has(std::int64_t tokens) const = 0;
  virtual rt::Task<Wait> wait(Wire& wire, std::int64_t tokens) = 0;
  // Tokens that each choice has by now.
  virtual std::int64_t made() const = 0;
};

// The first token at once, then so many a second; 0: all at once.
class FixedPace final : public Pace {
 public:
  FixedPace(rt::Loop& loop, double per_second)
      : loop_(loop), per_second_(per_second), began_(loop.now()) {}
  bool has(std::int64_t tokens) const override {
    return per_second_ == 0 || due(tokens) <= loop_.now();
  }
  rt::Task<Wait> wait(Wire& wire, std::int64_t tokens) override;
  std::int64_t made() const override;

 private:
  Instant due(std::int64_t tokens) const;

  rt::Loop& loop_;
  double per_second_;
  Instant began_;
};

}  // namespace sovmesh::sim

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "rt/net.h"
#include "rt/sim/world.h"

namespace sovmesh::rt::sim {

// Names that a test has set; every other name does not exist. Answers take a seeded delay.
class SimResolver final : public Resolver {
 public:
  explicit SimResolver(SimWorld& world) : SimResolver(world, world.loop()) {}
  SimResolver(SimWorld& world, SimLoop& loop) : world_(world), loop_(loop) {}

  void set(const std::string& host, std::vector<IpAddress> addresses);
  void fail(const std::string& host);  // the servers answer with a failure
  void hang(const std::string& host);  // no answer comes

  Task<Result<std::vector<IpAddress>>> resolve(std::string host, Until until) override;

 private:
  struct Answer {
    bool hangs = false;
    std::vector<IpAddress> addresses;  // empty: a failure
  };
  static constexpr std::uint32_t kDelayMaxUs = 20'000;

  SimWorld& world_;
  SimLoop& loop_;
  std::map<std::string, Answer> answers_;
};

}  // namespace sovmesh::rt::sim

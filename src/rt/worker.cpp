#include <utility>

#include "rt/ares_look_up.h"
#include "rt/caching_resolver.h"
#include "rt/epoll_loop.h"
#include "rt/real.h"
#include "rt/real_network.h"
#include "rt/real_process.h"

namespace sovmesh::rt {

Result<RealWorker> make_worker(const Clock& clock, Random& random) {
  TRY(auto loop, EpollLoop::make(clock));
  TRY(auto look_up, make_ares_look_up(*loop));
  RealWorker worker;
  worker.network = std::make_unique<RealNetwork>(*loop);
  worker.resolver = std::make_unique<CachingResolver>(*loop, random, std::move(look_up));
  worker.processes = std::make_unique<RealProcessSpawner>(*loop);
  worker.loop = std::move(loop);
  return worker;
}

void run(RealWorker& worker) { EpollLoop::of(*worker.loop).run(); }

}  // namespace sovmesh::rt

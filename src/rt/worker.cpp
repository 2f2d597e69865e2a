#include <utility>

#include "rt/ares_look_up.h"
#include "rt/caching_resolver.h"
#include "rt/epoll_loop.h"
#include "rt/real.h"
#include "rt/real_listener.h"
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

Result<std::unique_ptr<Listener>> adopt_listener(RealWorker& worker, Fd socket,
                                                 const Endpoint& endpoint) {
  return RealListener::adopt(EpollLoop::of(*worker.loop), std::move(socket), endpoint, false);
}

Result<SharedListener> share_listener(Listener& listener) {
  auto& real = dynamic_cast<RealListener&>(listener);
  TRY(Fd socket, duplicate(real.fd()));
  return SharedListener{std::move(socket), real.take_file()};
}

void run(RealWorker& worker) { EpollLoop::of(*worker.loop).run(); }

}  // namespace sovmesh::rt

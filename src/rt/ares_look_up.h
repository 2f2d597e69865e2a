#pragma once

#include <memory>
#include <string>

#include "rt/caching_resolver.h"
#include "rt/epoll_loop.h"

namespace sovmesh::rt {

// c-ares on an epoll loop: /etc/hosts, then DNS as in /etc/resolv.conf. `servers` ("127.0.0.1:53")
// replaces the configured ones, for tests.
Result<std::unique_ptr<LookUp>> make_ares_look_up(EpollLoop& loop, const std::string& servers = {});

}  // namespace sovmesh::rt

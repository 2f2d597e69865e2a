#include "http/connection.h"

namespace sovmesh::http {

// NOLINTNEXTLINE(performance-unnecessary-value-param): the protocol's own from here on.
rt::Task<void> serve_http2(ServerCore& /*core*/, std::unique_ptr<rt::Socket> /*socket*/,
                           std::unique_ptr<LiveConnection> /*live*/, std::string /*first*/) {
  co_return;  // not spoken yet: the connection is closed
}

}  // namespace sovmesh::http

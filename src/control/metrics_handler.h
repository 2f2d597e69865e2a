#pragma once

#include <functional>
#include <string>
#include <vector>

#include "http/exchange.h"
#include "observe/metrics.h"

namespace sovmesh::control {

// The handler of the metrics listener: GET /metrics, /healthz, /livez, and a /readyz that says why
// not. It names tenants and engines, so it is never on the data listener. One worker.
class MetricsHandler : public http::Handler {
 public:
  // Why the process should get no traffic, one line each; empty when it should. Never blocks.
  using Reasons = std::function<std::vector<std::string>()>;

  MetricsHandler(observe::Registry& registry, Reasons not_ready);
  rt::Task<void> handle(http::Exchange& exchange) override;

 private:
  struct Page {
    int status = 200;
    std::string content_type;
    std::string body;
  };
  Result<Page> page(std::string_view method, std::string_view path);

  observe::Registry& registry_;
  Reasons not_ready_;
};

}  // namespace sovmesh::control

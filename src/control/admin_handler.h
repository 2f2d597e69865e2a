#pragma once

#include <functional>
#include <string>

#include "base/hash.h"
#include "base/secret.h"
#include "control/admin_api.h"
#include "http/exchange.h"
#include "rt/blocking.h"

namespace sovmesh::control {

// The handler of the admin listeners: settles who calls, then runs the call on the blocking pool.
// Callers are processes of root or of our own user on the unix socket, or whoever shows the admin
// token. One worker.
class AdminHandler : public http::Handler {
 public:
  // `revision`: of the configuration in force; asked on this worker.
  AdminHandler(AdminApi& api, rt::BlockingPool& pool, const Secret& token, unsigned own_uid,
               std::function<std::string()> revision);
  rt::Task<void> handle(http::Exchange& exchange) override;

  static constexpr std::size_t kBodyBytesMax = 1U << 20;

 private:
  Result<void> authorize(const http::Exchange& exchange) const;
  rt::Task<Result<AdminReply>> answer(http::Exchange& exchange);

  AdminApi& api_;
  rt::BlockingPool& pool_;
  Digest token_;  // its SHA-256: compared in constant time whatever its length
  unsigned own_uid_;
  std::function<std::string()> revision_;
};

}  // namespace sovmesh::control

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "rt/net.h"

namespace sovmesh::rt {

// One certificate chain with its key, checked to fit each other; TLS 1.2 or newer. Immutable: a
// rotation makes a new context, and connections keep the one they began with.
class TlsServerContext {
 public:
  // PEM texts. `alpn` in order of preference, e.g. {"h2", "http/1.1"}.
  static Result<std::shared_ptr<const TlsServerContext>> make(
      const std::string& certificate_chain_pem, const Secret& private_key_pem,
      const std::vector<std::string>& alpn);
  virtual ~TlsServerContext() = default;
  virtual WallTime not_after() const = 0;
};

class TlsClientContext {
 public:
  // Trusts only `ca_pem` when given (pinning), the system's CAs when empty.
  static Result<std::shared_ptr<const TlsClientContext>> make(const std::string& ca_pem,
                                                              const std::vector<std::string>& alpn);
  virtual ~TlsClientContext() = default;
};

// Shakes hands over `transport` (which becomes the TLS socket's own).
Task<Result<std::unique_ptr<Socket>>> tls_accept(std::unique_ptr<Socket> transport,
                                                 std::shared_ptr<const TlsServerContext> context,
                                                 Until until);
// Verifies the certificate for `server_name` and sends it as SNI.
Task<Result<std::unique_ptr<Socket>>> tls_connect(std::unique_ptr<Socket> transport,
                                                  std::shared_ptr<const TlsClientContext> context,
                                                  std::string server_name, Until until);

}  // namespace sovmesh::rt

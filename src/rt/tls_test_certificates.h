#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"
#include "base/secret.h"

namespace sovmesh::rt {

// Certificates for tests, made with OpenSSL on the spot.
struct TestIdentity {
  std::string certificate_pem;
  Secret key_pem;
};

class TestCa {
 public:
  explicit TestCa(WallTime now);
  const std::string& pem() const { return self_.certificate_pem; }
  // `name` is a DNS name, or an IP address.
  TestIdentity issue(const std::string& name, WallTime begin, WallTime end) const;
  TestIdentity issue(const std::string& name) const {
    return issue(name, now_ - std::chrono::hours(1), now_ + std::chrono::hours(24 * 30));
  }

 private:
  WallTime now_;
  TestIdentity self_;
};

}  // namespace sovmesh::rt

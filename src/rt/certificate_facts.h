#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace sovmesh::rt {

// What a certificate chain (PEM, leaf first) says of itself, for people.
struct CertificateFacts {
  std::string subject;             // of the leaf
  std::vector<std::string> names;  // host names that it is for
  WallTime not_before{};           // the latest of the chain
  WallTime not_after{};            // the earliest of the chain
  // Empty: a client of this machine that trusts the system's CAs trusts it; else why not.
  std::string distrust;
};
Result<CertificateFacts> certificate_facts(const std::string& chain_pem, WallTime now);

}  // namespace sovmesh::rt

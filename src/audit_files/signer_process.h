#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>

#include "audit_files/options.h"
#include "audit_files/signer.h"
#include "base/random.h"
#include "base/result.h"

namespace sovmesh::audit_files {

// The signer in a process of its own, which alone has the key in memory:
//
//   gateway: writer thread  --socketpair, a message each way-->  sovmesh audit-signer (fd 3)
//
// It is the same program in another role and ends with its parent's end of the socket. One that
// has died is started again at the next call. One that does not answer within `answer_max` is late,
// and after kLateMax times that it is killed: what it holds up is nothing but checkpoints.
struct SignerProcessOptions {
  static constexpr int kLateMax = 5;
  std::string program;  // absolute: our own
  SignerPlace place;
  std::shared_ptr<SignerTroubles> troubles = std::make_shared<SignerTroubles>();
  std::chrono::milliseconds answer_max{2'000};  // a sync may take long
};
Result<std::unique_ptr<Signer>> start_signer_process(SignerProcessOptions options);

inline constexpr int kSignerSocket = 3;
// The other side: answers on `socket` until it ends. Returns the exit code.
int run_signer(int socket, Random& random, SignerPlace place);

// The protocol, for tests: a request's answer from `signer`.
std::string answer_signer_request(Signer& signer, std::string_view request);
// A Signer on the near end of a socket; `socket` stays the caller's.
std::unique_ptr<Signer> make_signer_client(int socket);

}  // namespace sovmesh::audit_files

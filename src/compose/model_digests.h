#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "gateway/audit_notes.h"
#include "store/control_store.h"

namespace sovmesh::compose {

// SHA-256 of model files, for audit entries. Hashing takes a second or so per gigabyte, so the
// control store remembers each file's with its size and time of change. Blocks; one thread.
class ModelDigests {
 public:
  // `stop`: gives up between two pieces of a file.
  ModelDigests(store::ControlStore& store, const std::atomic<bool>& stop)
      : store_(store), stop_(stop) {}

  // Hex. Code::io_error for a file that cannot be read, or changed meanwhile.
  Result<std::string> of_file(const std::string& path);
  // Puts the digests of a managed engine's files where they belong.
  Result<void> read(const config::Engine& engine, gateway::AuditPolicy::Engine& out);

 private:
  Result<std::string> hash(const std::string& path);

  store::ControlStore& store_;
  const std::atomic<bool>& stop_;
};

// Of a model that an adapter is laid over: SHA-256 of the two digests in hex, 128 characters.
std::string with_adapter(const std::string& model, const std::string& adapter);

}  // namespace sovmesh::compose

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit_files/signer.h"
#include "base/result.h"

namespace sovmesh::audit_files {

// Whether threads of its own write and sign (then the clock is the machine's), or nobody does until
// a call waits for something: for tests and simulations.
enum class WriterRuns : std::uint8_t { on_thread, inline_ };

// What the signer's process has done to us. Any thread.
struct SignerTroubles {
  std::atomic<std::uint64_t> late{0};    // times a deadline passed without its answer
  std::atomic<std::uint64_t> killed{0};  // because of several in a row
  std::function<void(std::string_view)> say = [](std::string_view) {};
};

// Settings of the audit log, with their defaults.
struct Options {
  std::string folder;   // DATA_DIR/audit
  std::string secrets;  // DATA_DIR/secrets, 0700
  // The log's name in checkpoints and keys, for ever: host-like, without spaces or '+'. Empty: what
  // the log has, or for a new one "sovmesh-" and 8 random hex digits.
  std::string origin;
  // A checkpoint at least so often; after half of that time if there are so many entries.
  std::chrono::milliseconds checkpoint_every{1'000};
  std::uint64_t checkpoint_entries = 1'000;
  int keep_days = 400;  // of encrypted details; the log itself stays
  // Every checkpoint also as a file of its own in this folder ("SIZE.checkpoint"), which is never
  // overwritten: a WORM volume, a mounted share. Empty: none.
  std::string export_folder;
  std::chrono::milliseconds export_every{60'000};  // at most one so often
  // How long a caller waits for the disk.
  std::chrono::milliseconds order_max{30'000};
  // Shared with who starts the signer. Null: it is no process.
  std::shared_ptr<SignerTroubles> signer_troubles;
  // Set when the log ends: whether it has written all that it was told, or counted what it could
  // not. Null: nobody asks.
  std::shared_ptr<std::atomic<bool>> has_all;
  // Verifier keys (text) of witnesses whose cosignatures are taken.
  std::vector<std::string> witness_keys;
};

using MakeSigner = std::function<Result<std::unique_ptr<Signer>>(const SignerPlace&)>;

}  // namespace sovmesh::audit_files

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "audit_files/files.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/result.h"
#include "base/sign.h"
#include "ledgerlog/checkpoint.h"
#include "ledgerlog/entry.h"
#include "ledgerlog/tree.h"

namespace sovmesh::audit_files {

// A key that takes over for trees larger than `index`: announced, and not in force yet.
struct Rotation {
  std::uint64_t index = 0;  // of the entry that announces it
  std::string next;         // NoteKey text
  friend bool operator==(const Rotation&, const Rotation&) = default;
};

struct SignerState {
  std::uint64_t size = 0;  // of the last tree it signed
  Digest root{};
  std::string key;  // NoteKey text of the key in force
  std::optional<Rotation> rotation;
};

// Holds the log's key. It signs a tree only when a proof shows that the tree begins with the one it
// signed before (A2), so whoever has taken over the gateway cannot make it sign another history.
// One thread.
class Signer {
 public:
  virtual ~Signer() = default;
  virtual Result<SignerState> state() = 0;
  // The signed note. Code::conflict for a tree that is smaller, or not proven consistent.
  virtual Result<std::string> sign(std::uint64_t size, const Digest& root,
                                   const ledgerlog::Proof& consistency) = 0;
  // The first entry of a new log.
  virtual Result<ledgerlog::KeyEntry> key_start() = 0;
  // Makes the next key, which takes over behind the entry at `index`: the entry to write there.
  virtual Result<ledgerlog::KeyEntry> begin_rotation(std::uint64_t index) = 0;
  // The entry was not written. Refused once a tree that holds it is signed.
  virtual Result<void> cancel_rotation() = 0;
};

struct SignerPlace {
  std::string key_file;    // 64 hex digits; made when there is none and the log is new
  std::string state_file;  // what was signed last
  std::string origin;      // of the log, and the name of its keys
  bool new_log = false;    // there is no checkpoint: key and state may be missing
};

// The signer itself, over files. What it signs is on the disk before the signature leaves it.
class FileSigner final : public Signer {
 public:
  static Result<FileSigner> open(Files& files, Random& random, SignerPlace place);

  Result<SignerState> state() override;
  Result<std::string> sign(std::uint64_t size, const Digest& root,
                           const ledgerlog::Proof& consistency) override;
  Result<ledgerlog::KeyEntry> key_start() override;
  Result<ledgerlog::KeyEntry> begin_rotation(std::uint64_t index) override;
  Result<void> cancel_rotation() override;

 private:
  struct Saved {
    std::uint64_t size = 0;
    Digest root{};
    std::optional<std::uint64_t> rotate_at;
  };
  FileSigner(Files& files, Random& random, SignerPlace place, SigningKey key)
      : files_(&files), random_(&random), place_(std::move(place)), key_(std::move(key)) {}
  std::string next_file() const { return place_.key_file + ".next"; }
  Result<void> save(const Saved& saved);
  Result<void> take_over();
  Result<ledgerlog::NoteKey> note_key(const SigningKey& key) const;

  Files* files_;
  Random* random_;
  SignerPlace place_;
  SigningKey key_;
  std::optional<SigningKey> next_;
  Saved saved_;
};

}  // namespace sovmesh::audit_files

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "audit_files/files.h"
#include "audit_files/journal.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/result.h"
#include "base/seal.h"
#include "store/audit.h"

namespace sovmesh::audit_files {

using Day = std::chrono::sys_days;

// The keys that turn personal data into pseudonyms and ciphertext, outside of the log:
//
//   secrets/audit.master  -> wraps -> KEK  -> wraps -> one secret per subject, one per tenant and
//   day secret of a subject   -> HMAC key of its pseudonym, and key of what is encrypted about it
//
// secrets/audit.keys holds all but the master, by HMACs of the subjects' names. Erasing a subject
// rewrites the file without its secret and overwrites the old one. New secrets are in memory until
// flush(): call it before anything that was made with them becomes durable. One thread at a time.
class KeyRing {
 public:
  static constexpr std::size_t kSecretsMax = 1'000'000;  // subjects and tenant-days
  static constexpr std::size_t kHoldsMax = 10'000;

  static Result<KeyRing> open(Files& files, const std::string& secrets_folder, Random& random);
  KeyRing(KeyRing&&) = default;
  KeyRing& operator=(KeyRing&&) = default;
  ~KeyRing();

  // The subject's pseudonym; gives it a secret when it has none.
  Result<Digest> reference(const store::AuditSubject& subject);
  std::optional<Digest> find_reference(const store::AuditSubject& subject) const;

  // Encrypts what an entry says besides, under the subject's key, or the tenant's of that day when
  // `subject.id` is empty. The text names its key, so open() needs nothing else.
  Result<std::string> seal(const store::AuditSubject& subject, Day day, std::string_view plain);
  // Nothing when its key is gone.
  std::optional<std::string> open_sealed(std::string_view sealed) const;

  // Makes new secrets durable.
  Result<void> flush();

  // Legal hold: durable on return. Whom it is for stays readable as long as it is on.
  Result<void> hold(const store::AuditSubject& subject, WallTime since, std::string_view reason);
  Result<void> release(const store::AuditSubject& subject);
  bool has_hold(const store::AuditSubject& subject) const;  // of its own
  std::vector<store::AuditHold> holds() const;
  bool is_held(const store::AuditSubject& subject) const;  // itself, or its whole tenant
  // Whether anything of the tenant is held: then nothing of it is dropped by age.
  bool holds_any_of(const std::optional<TenantId>& tenant) const;

  // The erasure will happen, whatever happens now: durable on return.
  Result<void> intend_erasure(const store::AuditSubject& subject);
  // The pseudonyms of those whose erasure has begun, for its entries.
  std::vector<Digest> intended() const;
  // Destroys the secrets of them all.
  Result<void> erase_intended();

  // Destroys the secrets of tenant-days before `day`, except of tenants with a hold.
  Result<void> drop_days_before(Day day);
  std::size_t secrets() const { return secrets_.size(); }

 private:
  struct Secret32 {
    std::array<unsigned char, kSealKeyBytes> bytes{};
    std::optional<Day> day;           // of a tenant-day
    std::string tenant;               // ULID text of the tenant, or "-"
    std::optional<Digest> reference;  // once somebody wanted it: deriving costs more than all else
  };
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const noexcept {
      std::size_t value = 0;
      std::memcpy(&value, digest.data(), sizeof value);
      return value;
    }
  };

  KeyRing(Files& files, std::string path, Random& random)
      : files_(&files), path_(std::move(path)), random_(&random) {}
  Digest place_of(const std::string& what) const;
  Digest place_of(const store::AuditSubject& subject) const;
  Result<Secret32*> secret_at(const Digest& place, std::optional<Day> day,
                              const std::string& tenant);
  Result<void> read_record(std::string_view record);
  Result<void> read_line(const std::vector<std::string_view>& words);
  std::string secret_line(const Digest& place, const Secret32& secret);
  // The file's contents: records of lines. `intended`: erasures that have begun, too.
  std::string everything(bool intended);
  Result<void> rewrite(bool intended);
  Result<void> add(std::string lines);

  Files* files_;
  std::string path_;
  Random* random_;
  std::optional<Journal> journal_;
  SecretBytes kek_;
  std::string kek_line_;
  std::unique_ptr<HmacKey> places_;
  std::unordered_map<Digest, Secret32, DigestHash> secrets_;
  // Tenant and place; since when, why and whom, sealed. Empty: set before that was kept.
  std::map<std::pair<std::string, Digest>, std::string> held_;
  std::map<Digest, Digest> intended_;  // place, pseudonym
  std::string new_lines_;
};

}  // namespace sovmesh::audit_files

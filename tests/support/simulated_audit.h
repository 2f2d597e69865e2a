#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audit_files/audit_log.h"
#include "audit_files/folder_tiles.h"
#include "audit_files/signer.h"
#include "audit_files/sim_files.h"
#include "base/random.h"
#include "ledgerlog/verify.h"
#include "tests/support/manual_clock.h"

// For tests: an audit log on a simulated disk, with its signer in the same process.
namespace sovmesh::audit_files {

class TestRandom : public Random {
 public:
  explicit TestRandom(std::uint64_t seed) : state_(seed * 2 + 1) {}
  void fill(std::span<unsigned char> out) override {
    for (unsigned char& byte : out) {
      state_ = state_ * 6364136223846793005U + 1442695040888963407U;
      byte = static_cast<unsigned char>(state_ >> 56U);
    }
  }

 private:
  std::uint64_t state_;
};

inline const std::string kLogFolder = "/data/audit";
inline const std::string kSecretsFolder = "/data/secrets";

struct TestLog {
  explicit TestLog(std::uint64_t seed = 1) : files(seed), random(seed) {
    (void)files.make_folder("/data");
    (void)files.make_folder(kSecretsFolder);
    (void)files.sync_folder("/data");
    options.folder = kLogFolder;
    options.secrets = kSecretsFolder;
    options.origin = "test.example/log";
  }
  Result<void> open() {
    log.reset();
    const MakeSigner make = [this](const SignerPlace& place) -> Result<std::unique_ptr<Signer>> {
      TRY(FileSigner signer, FileSigner::open(files, random, place));
      return std::make_unique<FileSigner>(std::move(signer));
    };
    TRY(log, open_audit(files, clock, random, options, make, WriterRuns::inline_));
    return {};
  }
  // Everything that an outsider can check; older checkpoints must be beginnings of this log.
  ledgerlog::LogReport verify(const std::vector<std::string>& older = {}) {
    FolderTiles tiles(files, kLogFolder);
    const std::string checkpoint = read("checkpoint");
    const auto keys = ledgerlog::LogKeys::parse(read("keys"));
    if (!keys) return {.bad = ledgerlog::Finding{.where = "keys", .what = keys.error().message()}};
    const std::vector<std::string_view> views(older.begin(), older.end());
    // Only the first key: the log must say the others by itself.
    const ledgerlog::KeyRange first{.key = keys->ranges().front().key, .from = 0, .until = {}};
    return ledgerlog::verify_log({.tiles = tiles,
                                  .checkpoint = checkpoint,
                                  .keys = ledgerlog::LogKeys({first}),
                                  .origin = options.origin,
                                  .older = views,
                                  .witnesses = {}});
  }
  std::string read(const std::string& name) {
    const auto bytes = files.read(kLogFolder + "/" + name);
    return bytes ? bytes->value_or("") : std::string();
  }
  static store::AdminEntry admin(std::string object, std::string detail = {}) {
    store::AdminEntry entry;
    entry.action = "key.create";
    entry.actor_type = store::AdminEntry::Actor::local_user;
    entry.actor = "uid:1000";
    entry.object = std::move(object);
    entry.detail = std::move(detail);
    return entry;
  }
  store::RequestEntry request(const std::string& user = {}) {
    store::RequestEntry entry;
    entry.request = {Ulid::make(clock.wall_now(), random)};
    entry.tenant = tenant;
    entry.user = user;
    entry.model = "tiny";
    entry.status = 200;
    entry.began = clock.wall_now();
    return entry;
  }

  SimFiles files;
  ManualClock clock;
  TestRandom random;
  Options options;
  TenantId tenant{Ulid::from_bytes({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})};
  std::unique_ptr<store::Audit> log;
};

}  // namespace sovmesh::audit_files

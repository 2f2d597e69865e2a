#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "audit_files/files.h"
#include "audit_files/folder_tiles.h"
#include "backup/files.h"
#include "base/bytes.h"
#include "base/time_text.h"
#include "compose/backup.h"
#include "compose/backup_capture.h"
#include "compose/restored.h"
#include "ledgerlog/tiles.h"
#include "store_sqlite/snapshot.h"

// Makes an archive: one instant of everything, then everything of that instant.
namespace sovmesh::compose {
namespace {

constexpr std::size_t kTilesPerStep = 10'000;
constexpr int kTileAttempts = 5;

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1024.0 * 1024.0));
}

class Maker {
 public:
  Maker(const std::string& data_dir, const std::string& work, backup::SealedWriter& out,
        BackupProgress& progress)
      : data_dir_(data_dir), work_(work), out_(out), pack_(out), progress_(progress) {}

  Result<void> run(store_sqlite::Snapshot& snapshot, const Captured& captured) {
    for (const auto& [path, bytes] : captured.files)
      TRY_VOID(pack_.add(path, bytes));
    auto& disk = store_sqlite::real_disk();
    progress_.step("copying control.db");
    TRY_VOID(snapshot.copy_control(disk, work_ + "/control.db"));
    progress_.step("copying ledger.db");
    TRY_VOID(snapshot.copy_ledger(disk, work_ + "/ledger.db"));
    for (const char* name : {"control.db", "ledger.db"}) {
      TRY_VOID(add_file(fmt::format("{}/{}", work_, name), name));
      TRY_VOID(disk.remove(fmt::format("{}/{}", work_, name)));
    }
    if (captured.audit) {
      TRY_VOID(add_tiles(captured.audit_size));
      TRY_VOID(add_details());
    }
    return {};
  }
  Result<void> finish(backup::Manifest& manifest) { return pack_.finish(manifest); }

 private:
  Result<void> add_file(const std::string& from, const std::string& path) {
    TRY(auto file, backup::InputFile::open(from));
    progress_.step(fmt::format("packing {} ({})", path, megabytes(file.size())));
    return pack_.add(path, file.size(), file.source());
  }

  // Tiles are never changed, and a longer one stands for a partial one that has gone, so these can
  // be read at any time after the cut.
  Result<void> add_tiles(std::uint64_t size) {
    audit_files::FolderTiles tiles(audit_files::real_files(), data_dir_ + "/audit");
    const auto wanted = ledgerlog::tiles_of_append(0, size);
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (i % kTilesPerStep == 0)
        progress_.step(fmt::format("packing the audit log: {} of {} tiles, {} written", i,
                                   wanted.size(), megabytes(out_.written())));
      TRY(const std::string bytes, read_tile(tiles, wanted[i]));
      TRY_VOID(pack_.add("audit/" + wanted[i].text(), bytes));
    }
    return {};
  }

  // A partial tile may be replaced by a longer one between our look and our read.
  static Result<std::string> read_tile(ledgerlog::TileReader& tiles,
                                       const ledgerlog::TilePath& path) {
    for (int attempt = 1;; ++attempt) {
      auto bytes = ledgerlog::read_tile(tiles, path);
      if (bytes || attempt == kTileAttempts) return bytes;
    }
  }

  // Details only grow, or go as a whole: what came after the cut belongs to no entry, as after a
  // crash.
  Result<void> add_details() {
    auto& files = audit_files::real_files();
    const std::string folder = data_dir_ + "/audit/detail";
    TRY(const auto tenants, files.list(folder));
    for (const std::string& tenant : tenants) {
      TRY(const auto days, files.list(folder + "/" + tenant));
      for (const std::string& day : days) {
        const std::string path = "audit/detail/" + tenant + "/" + day;
        std::error_code gone;
        if (!backup::is_packed_path(path) ||
            !std::filesystem::is_regular_file(data_dir_ + "/" + path, gone))
          continue;
        auto file = backup::InputFile::open(data_dir_ + "/" + path);
        if (!file && !std::filesystem::exists(data_dir_ + "/" + path, gone)) continue;
        if (!file) return fail(file.error());
        TRY_VOID(pack_.add(path, file->size(), file->source()));
      }
    }
    return {};
  }

  const std::string& data_dir_;
  const std::string& work_;
  backup::SealedWriter& out_;
  backup::PackWriter pack_;
  BackupProgress& progress_;
};

backup::Cut cut_of(const store_sqlite::SnapshotFacts& facts, const Captured& captured) {
  return {.control_schema = facts.control_schema,
          .control_version = facts.control_version,
          .ledger_schema = facts.ledger_schema,
          .ledger_seq = facts.ledger_seq,
          .ledger_open = facts.ledger_open,
          .audit = captured.audit,
          .audit_size = captured.audit_size,
          .audit_root = captured.audit_root,
          .audit_pending = captured.audit_pending};
}

std::uint64_t epoch_in(const Captured& captured) {
  for (const auto& [path, bytes] : captured.files)
    if (path == kEpochFile) return parse_epoch(bytes).number;
  return 1;
}

// An archive in the folder that it is of is lost with it, and fills its disk.
Result<void> must_be_outside(const std::string& data_dir, const std::string& file) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path inner = fs::weakly_canonical(fs::absolute(file, error), error);
  const fs::path outer = fs::weakly_canonical(fs::absolute(data_dir, error), error);
  const auto [end, ignored] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  if (end != outer.end()) return {};
  return client_error(Code::invalid_value,
                      fmt::format("'{}' is inside the data folder '{}': put the archive on another "
                                  "disk, where it outlives this one",
                                  file, data_dir));
}

std::uintmax_t free_in(const std::string& folder) {
  std::error_code unknown;
  const auto space = std::filesystem::space(folder, unknown);
  return unknown ? 0 : space.available;
}

// Where the databases are copied to meanwhile: beside them, where there is room.
Result<std::string> work_place(const std::string& data_dir, const std::string& scratch) {
  std::uintmax_t wanted = 0;
  for (const char* name : {"control.db", "control.db-wal", "ledger.db", "ledger.db-wal"}) {
    std::error_code absent;
    const auto size = std::filesystem::file_size(data_dir + "/" + name, absent);
    wanted += absent ? 0 : size;
  }
  const std::string beside = data_dir + "/backup.work";
  if (free_in(data_dir) >= wanted) return beside;
  if (scratch.empty()) return beside;
  const std::string parent = std::filesystem::path(scratch).parent_path();
  if (free_in(parent) >= wanted) return scratch;
  return our_error(
      Code::io_error,
      fmt::format("no room for copies of the databases, {} bytes: in '{}' are {} free, "
                  "in '{}' {}. Make room, or name a folder with --scratch",
                  wanted, data_dir, free_in(data_dir), parent, free_in(parent)));
}

}  // namespace

Result<backup::Manifest> Backup::create(const std::string& data_dir, const std::string& file,
                                        bool force, const SecretBytes& key, const Record& record,
                                        const std::string& scratch) {
  TRY_VOID(must_be_outside(data_dir, file));
  const store_sqlite::SnapshotPaths paths{.control = data_dir + "/control.db",
                                          .ledger = data_dir + "/ledger.db"};
  for (const std::string& path : {paths.control, paths.ledger}) {
    TRY(const bool there, store_sqlite::real_disk().exists(path));
    if (!there)
      return our_error(Code::data_dir_invalid,
                       fmt::format("'{}' is not a data folder: it has no {}", data_dir,
                                   std::filesystem::path(path).filename().string()));
  }
  TRY(const std::string place, work_place(data_dir, scratch));
  TRY(const auto work, backup::WorkFolder::make(place));
  TRY(auto output, backup::OutputFile::create(file, force));
  backup::Manifest manifest;
  manifest.created_at = to_rfc3339(clock.wall_now());
  manifest.version = SM_VERSION;
  TRY(auto sealed, backup::SealedWriter::begin(
                       key, {.created_at = manifest.created_at, .version = manifest.version},
                       random, [&output](std::string_view bytes) { return output.write(bytes); }));
  Captured captured;
  TRY(auto snapshot, store_sqlite::Snapshot::take(store_sqlite::real_disk(), clock, paths, {},
                                                  [&](Instant until) -> Result<void> {
                                                    TRY(captured,
                                                        capture_files(data_dir, clock, until));
                                                    return {};
                                                  }));
  manifest.epoch = epoch_in(captured);
  manifest.cut = cut_of(snapshot.facts(), captured);
  Maker maker(data_dir, work.path(), sealed, progress);
  TRY_VOID(maker.run(snapshot, captured));
  TRY_VOID(maker.finish(manifest));
  if (record) TRY_VOID(record(manifest));
  TRY_VOID(output.commit());
  return manifest;
}

}  // namespace sovmesh::compose

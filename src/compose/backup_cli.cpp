#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <utility>

#include "audit_files/files.h"
#include "base/bytes.h"
#include "base/time_text.h"
#include "compose/admin_cli.h"
#include "compose/backup.h"
#include "compose/backup_notes.h"
#include "compose/serve.h"
#include "config/process_environment.h"
#include "rt/real.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

// Short runs say nothing.
constexpr std::chrono::seconds kQuiet{2};
constexpr std::chrono::seconds kBetweenSteps{1};
constexpr std::size_t kKeyBytesMax = 4'096;

class StderrProgress : public BackupProgress {
 public:
  explicit StderrProgress(const Clock& clock) : clock_(clock), next_(clock.now() + kQuiet) {}
  void step(const std::string& text) override {
    if (clock_.now() < next_) return;
    next_ = clock_.now() + kBetweenSteps;
    fmt::print(stderr, "sovmesh: {}\n", text);
  }

 private:
  const Clock& clock_;
  Instant next_;
};

int failed(const Error& error) {
  fmt::print(stderr, "sovmesh: backup: {}\n", printable(error.message()));
  return kExitFailed;
}

void print_cut(const backup::Manifest& manifest) {
  const backup::Cut& cut = manifest.cut;
  fmt::print("cut: {} (epoch {}): {} requests in flight, ledger row {}, control version {}\n",
             manifest.created_at, manifest.epoch, cut.ledger_open, cut.ledger_seq,
             cut.control_version);
  if (cut.audit)
    fmt::print("audit: {} entries signed, {} more durable, root {}\n", cut.audit_size,
               cut.audit_pending, cut.audit_root);
  else
    fmt::print("audit: no log\n");
  std::uint64_t bytes = 0;
  for (const backup::PackedFile& file : manifest.files)
    bytes += file.size;
  fmt::print("files: {}, {} bytes\n", manifest.files.size(), bytes);
}

json json_of(const backup::Manifest& manifest) {
  const backup::Cut& cut = manifest.cut;
  json out{{"created_at", manifest.created_at},
           {"version", manifest.version},
           {"epoch", manifest.epoch},
           {"files", manifest.files.size()},
           {"control_schema", cut.control_schema},
           {"control_version", cut.control_version},
           {"ledger_schema", cut.ledger_schema},
           {"ledger_seq", cut.ledger_seq},
           {"ledger_open", cut.ledger_open}};
  if (cut.audit) {
    out["audit_size"] = cut.audit_size;
    out["audit_pending"] = cut.audit_pending;
    out["audit_root"] = cut.audit_root;
  }
  return out;
}

json json_of(const Backup::Verified& done) {
  json out = json_of(done.manifest);
  out["sha256"] = done.digest;
  out["requests"] = done.sums_checked ? json(done.requests) : json();
  return out;
}

void print_verified(const Backup::Verified& done) {
  fmt::print("archive: sha256 {}\n", done.digest);
  print_cut(done.manifest);
  if (done.sums_checked)
    fmt::print("ledger: {} settled requests, drift 0\n", done.requests);
  else
    fmt::print(
        "ledger: pages and references are whole; its sums are of schema {} and are checked by "
        "`sovmesh` of that release, or after the upgrade\n",
        done.manifest.cut.ledger_schema);
}

struct Machine {
  std::unique_ptr<Clock> clock = rt::make_system_clock();
  std::unique_ptr<Random> random = rt::make_system_random();
  StderrProgress progress{*clock};
  Backup backup{.clock = *clock, .random = *random, .progress = progress};
};

std::string scratch_of(const BackupOptions& options, std::string_view verb) {
  std::error_code error;
  std::string parent = options.scratch;
  if (parent.empty()) parent = "/dev/shm";  // plaintext that never reaches a disk
  if (!std::filesystem::is_directory(parent, error))
    parent = std::filesystem::temp_directory_path(error).string();
  return fmt::format("{}/sovmesh-{}-{}", parent, verb, ::geteuid());
}

Result<SecretBytes> key_of(const BackupOptions& options) {
  auto key = read_backup_key(options.key);
  if (!key) fmt::print(stderr, "sovmesh: --key: {}\n", printable(key.error().message()));
  return key;
}

}  // namespace

Result<SecretBytes> read_backup_key(const std::string& reference) {
  std::string text;
  if (reference.starts_with("env:")) {
    const auto value = config::process_environment(reference.substr(4));
    if (!value) return client_error(Code::invalid_value, reference.substr(4) + " is not set");
    text = *value;
  } else if (reference.starts_with("file:")) {
    const std::string path = reference.substr(5);
    TRY(auto bytes, audit_files::real_files().read(path));
    if (!bytes) return client_error(Code::not_found, fmt::format("there is no file '{}'", path));
    struct stat found{};
    if (::stat(path.c_str(), &found) == 0 && (found.st_mode & 0077U) != 0)
      fmt::print(stderr, "sovmesh: warning: '{}' can be read by others (chmod 600)\n", path);
    text = *std::move(bytes);
  } else {
    return client_error(Code::invalid_value,
                        "want file:PATH or env:NAME, never the key itself: it would be seen by "
                        "everybody on this machine");
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  if (text.size() > kKeyBytesMax) return client_error(Code::invalid_value, "the key is too long");
  if (text.size() < backup::kSecretBytesMin)
    return client_error(Code::invalid_value,
                        fmt::format("the key is {} bytes long; want at least {} that nobody can "
                                    "guess, as of `openssl rand -hex 32`",
                                    text.size(), backup::kSecretBytesMin));
  return SecretBytes::copy_of(text);
}

int backup_create(const BackupOptions& options) {
  const auto key = key_of(options);
  if (!key) return kExitUsage;
  Machine machine;
  const auto record = [&](const backup::Manifest& made) {
    return note_backup(options.data_dir, made);
  };
  const auto made = machine.backup.create(options.data_dir, options.file, options.force, *key,
                                          record, scratch_of(options, "backup"));
  if (!made) {
    const int code = failed(made.error());
    switch (made.error().code()) {
      case Code::data_dir_invalid:
        return kExitDataDir;
      case Code::invalid_value:
        return kExitUsage;
      case Code::dependency_unavailable:
        return kExitUnavailable;
      default:
        return code;
    }
  }
  if (options.json) {
    fmt::print("{}\n", json_of(*made).dump());
    return kExitOk;
  }
  fmt::print("{}\n", printable(options.file));
  print_cut(*made);
  return kExitOk;
}

int backup_verify(const BackupOptions& options) {
  const auto key = key_of(options);
  if (!key) return kExitUsage;
  Machine machine;
  const auto done = machine.backup.verify(options.file, *key, scratch_of(options, "verify"));
  if (!done) return failed(done.error());
  if (options.json) {
    fmt::print("{}\n", json_of(*done).dump());
    return kExitOk;
  }
  print_verified(*done);
  fmt::print("good\n");
  return kExitOk;
}

int backup_restore(const BackupOptions& options) {
  const auto key = key_of(options);
  if (!key) return kExitUsage;
  Machine machine;
  const auto done = machine.backup.restore(options.file, *key, options.data_dir);
  if (!done) return failed(done.error());
  if (options.json) {
    json out = json_of(*done);
    out["epoch"] = done->epoch;
    out["restore"] = done->restore_id;
    fmt::print("{}\n", out.dump());
    return kExitOk;
  }
  print_verified(*done);
  fmt::print(
      "restored into {}: epoch {} begins, and the audit log will say so at the first start\n",
      printable(options.data_dir), done->epoch);
  return kExitOk;
}

}  // namespace sovmesh::compose

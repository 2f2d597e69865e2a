#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <variant>

#include "audit_files/files.h"
#include "audit_files/folder_tiles.h"
#include "base/bytes.h"
#include "compose/audit_cli.h"
#include "compose/serve.h"
#include "ledgerlog/entry.h"
#include "ledgerlog/proof_file.h"
#include "ledgerlog/verify.h"

// `sovmesh audit verify`: offline, from files alone.
namespace sovmesh::compose {
namespace {

using nlohmann::json;

Result<std::string> file_at(const std::string& path) {
  TRY(auto bytes, audit_files::real_files().read(path));
  if (!bytes) return our_error(Code::not_found, fmt::format("there is no file '{}'", path));
  return *std::move(bytes);
}

Result<ledgerlog::LogKeys> keys_of(const AuditVerifyOptions& options) {
  const std::string path = options.keys.empty() ? options.path + "/keys" : options.keys;
  TRY(const std::string text, file_at(path));
  auto keys = ledgerlog::LogKeys::parse(text);
  if (!keys) return our_error(Code::invalid_value, path + ": " + keys.error().message());
  return keys;
}

Result<ledgerlog::WitnessRule> witnesses_of(const AuditVerifyOptions& options) {
  ledgerlog::WitnessRule rule;
  if (options.witnesses.empty()) return rule;
  TRY(const std::string text, file_at(options.witnesses));
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.empty() || line.starts_with('#')) continue;
    TRY(auto key, ledgerlog::NoteKey::parse(line));
    rule.keys.push_back(std::move(key));
  }
  rule.quorum = options.quorum.value_or(rule.keys.size());
  return rule;
}

int print_report(const AuditVerifyOptions& options, const ledgerlog::LogReport& report) {
  if (options.json) {
    json out{{"good", report.good()},         {"origin", report.origin},
             {"size", report.size},           {"root", to_base64(report.root)},
             {"requests", report.requests},   {"admin", report.admin},
             {"rotations", report.rotations}, {"witnesses", report.witnesses}};
    if (report.bad) {
      out["where"] = report.bad->where;
      out["what"] = report.bad->what;
      out["index"] = report.bad->index ? json(*report.bad->index) : json();
    }
    fmt::print("{}\n", out.dump(-1, ' ', false, json::error_handler_t::replace));
  } else if (report.bad) {
    const std::string at = report.bad->index ? fmt::format(", entry {}", *report.bad->index) : "";
    fmt::print("BAD: {}{}: {}\n", printable(report.bad->where), at, printable(report.bad->what));
  } else {
    fmt::print(
        "good: {} entries of '{}' ({} requests, {} admin actions, {} key rotations)\nroot: {}\n",
        report.size, printable(report.origin), report.requests, report.admin, report.rotations,
        to_base64(report.root));
    if (options.keys.empty())
      fmt::print(
          "The keys are those in the folder itself: compare them with a list of your own "
          "(--keys), or somebody may have made the whole log anew.\n");
  }
  return report.good() ? kExitOk : kExitFailed;
}

// An export: pairs NUMBER.entry and NUMBER.proof, each proven by itself.
class ExportCheck {
 public:
  explicit ExportCheck(const AuditVerifyOptions& options) : options_(options) {}

  Result<ledgerlog::LogReport> run() {
    TRY(report_.keys, keys_of(options_));
    TRY(const auto names, audit_files::real_files().list(options_.path));
    for (const std::string& name : names) {
      const auto dot = name.rfind('.');
      const auto index = parse_u64(std::string_view(name).substr(0, dot));
      if (!index || dot == name.npos || name.substr(dot) != ".entry") continue;
      TRY_VOID(check(*index));
      if (report_.bad) return report_;
    }
    return report_;
  }

 private:
  void bad(std::uint64_t index, std::string what) {
    report_.bad = ledgerlog::Finding{
        .where = fmt::format("{}.proof", index), .index = index, .what = std::move(what)};
  }
  Result<void> check(std::uint64_t index) {
    TRY(const std::string bytes, file_at(fmt::format("{}/{}.entry", options_.path, index)));
    TRY(const std::string file, file_at(fmt::format("{}/{}.proof", options_.path, index)));
    const auto proof = ledgerlog::parse_proof_file(file);
    if (!proof || proof->index != index) {
      bad(index, proof ? "it is the proof of another entry" : proof.error().message());
      return {};
    }
    const ledgerlog::Checkpoint& checkpoint = proof->checkpoint.checkpoint;
    const auto proven =
        ledgerlog::verify_entry(bytes, index, proof->proof, proof->checkpoint, report_.keys);
    const auto entry = ledgerlog::parse_entry(bytes);
    if (!proven || !entry) {
      bad(index, proven ? entry.error().message() : proven.error().message());
    } else if (!options_.origin.empty() && options_.origin != checkpoint.origin) {
      bad(index, "its checkpoint is that of another log");
    } else {
      report_.origin = checkpoint.origin;
      report_.root = checkpoint.root;
      ++report_.size;
      if (std::holds_alternative<ledgerlog::RequestEntry>(entry->body)) ++report_.requests;
      if (std::holds_alternative<ledgerlog::AdminEntry>(entry->body)) ++report_.admin;
    }
    return {};
  }

  const AuditVerifyOptions& options_;
  ledgerlog::LogReport report_;
};

Result<ledgerlog::LogReport> verify(const AuditVerifyOptions& options) {
  TRY(const auto tiles_there, audit_files::real_files().list(options.path + "/tile"));
  if (tiles_there.empty() && options.older.empty()) {
    TRY(auto report, ExportCheck(options).run());
    if (report.size > 0 || report.bad) return report;
  }
  TRY(const std::string checkpoint, file_at(options.path + "/checkpoint"));
  TRY(const auto keys, keys_of(options));
  TRY(const auto witnesses, witnesses_of(options));
  std::vector<std::string> older;
  for (const std::string& path : options.older) {
    TRY(older.emplace_back(), file_at(path));
  }
  const std::vector<std::string_view> views(older.begin(), older.end());
  audit_files::FolderTiles tiles(audit_files::real_files(), options.path);
  return ledgerlog::verify_log({.tiles = tiles,
                                .checkpoint = checkpoint,
                                .keys = keys,
                                .origin = options.origin,
                                .older = views,
                                .witnesses = witnesses});
}

}  // namespace

int audit_verify(const AuditVerifyOptions& options) {
  const auto report = verify(options);
  if (report) return print_report(options, *report);
  fmt::print(stderr, "sovmesh: {}\n", report.error().message());
  return kExitUsage;
}

}  // namespace sovmesh::compose

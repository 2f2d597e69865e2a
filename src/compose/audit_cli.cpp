#include "compose/audit_cli.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <span>
#include <utility>

#include "audit_files/files.h"
#include "base/bytes.h"
#include "compose/serve.h"
#include "ledgerlog/proof_file.h"
#include "ledgerlog/verify.h"
#include "store/audit.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

constexpr std::string_view kRoot = "/api/v1/audit/";
constexpr std::size_t kPage = 1'000;

// A good answer as JSON, or the exit code after saying why there is none.
struct Got {
  json body;
  std::string text;
  int code = kExitOk;
};

Got get(const AdminCli& cli, const std::string& target) {
  const auto answer = admin_ask(cli, "GET", std::string(kRoot) + target, {});
  if (!answer || answer->status >= 300)
    return {.body = {}, .text = {}, .code = admin_failed(answer)};
  json body = json::parse(answer->body, nullptr, false);
  if (!body.is_object()) {
    fmt::print(stderr, "sovmesh: the server's answer is not JSON\n");
    return {.body = {}, .text = {}, .code = kExitFailed};
  }
  return {.body = std::move(body), .text = answer->body};
}

int failed(const std::string& why) {
  fmt::print(stderr, "sovmesh: {}\n", why);
  return kExitFailed;
}

std::string member(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return "";
  return printable(found->is_string() ? found->get<std::string>() : found->dump());
}

std::string line_of(const json& record) {
  const json& entry = record.value("entry", json::object());
  std::string action = member(entry, "action");
  std::string object = member(entry, "object_ref");
  if (action.empty()) action = member(entry, "kind");
  if (object.empty()) object = member(entry, "rid");
  return fmt::format("{:>10}  {:<27}  {:<18}  {:<26}  {:<8}  {}", member(record, "index"),
                     member(entry, "t"), action, member(entry, "tenant"), member(entry, "outcome"),
                     object);
}

std::optional<Digest> digest_of(const json& text) {
  const auto bytes = text.is_string() ? from_base64(text.get<std::string>()) : std::nullopt;
  Digest digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

// A new file: what is there is never overwritten.
Result<void> write_new(const std::string& path, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  const auto error = [&] {
    return our_error(Code::io_error, fmt::format("cannot write '{}': {}", path,
                                                 std::strerror(errno)));  // NOLINT: one thread
  };
  if (fd < 0) return error();
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0) {
      ::close(fd);
      return error();
    }
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  const bool synced = ::fsync(fd) == 0;
  if (::close(fd) != 0 || !synced) return error();
  return {};
}

// The two files of one entry, as both verifiers read them.
Result<void> write_pair(const std::string& folder, std::uint64_t index, std::string_view entry,
                        std::string_view proof) {
  const std::string name = fmt::format("{}/{}", folder, index);
  TRY_VOID(write_new(name + ".entry", entry));
  return write_new(name + ".proof", proof);
}

Result<ledgerlog::Proof> proof_of(const json& row) {
  ledgerlog::Proof proof;
  for (const json& hash : row.value("proof", json::array())) {
    const auto digest = digest_of(hash);
    if (!digest) return our_error(Code::upstream_invalid_response, "a hash of the proof is none");
    proof.push_back(*digest);
  }
  return proof;
}

Result<void> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return our_error(Code::io_error, fmt::format("cannot make the folder '{}': {}", path,
                                               std::strerror(errno)));  // NOLINT: one thread
}

bool is_folder(const std::string& path) {
  struct stat found{};
  return ::stat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode);
}

std::string query_of(const AuditListOptions& options, std::size_t limit, const std::string& after) {
  std::string query = fmt::format("entries?limit={}", limit);
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) query += fmt::format("&{}={}", name, url_part(value));
  };
  add("tenant", options.tenant);
  add("action", options.action);
  add("object", options.object);
  add("subject", options.subject);
  add("from", options.from);
  add("until", options.until);
  add("after", after);
  return query;
}

}  // namespace

int audit_list(const AdminCli& cli, const AuditListOptions& options) {
  for (const auto& [name, pattern] :
       {std::pair("--action", options.action), {"--object", options.object}}) {
    if (store::AuditFilter::is_pattern(pattern)) continue;
    fmt::print(stderr, "sovmesh: {} '{}': a '*' may stand at the end only: 'key.*'\n", name,
               printable(pattern));
    return kExitUsage;
  }
  std::size_t left = options.limit;
  std::string after;
  json rows = json::array();
  do {
    Got got = get(cli, query_of(options, std::min(left, kPage), after));
    if (got.code != kExitOk) return got.code;
    for (json& row : got.body["data"])
      rows.push_back(std::move(row));
    after = got.body.value("has_more", false) ? member(got.body, "next") : "";
    left = options.limit - std::min(options.limit, rows.size());
  } while (!after.empty() && left > 0);
  if (cli.output == Output::json) {
    fmt::print("{}\n", json{{"data", rows}}.dump());
    return kExitOk;
  }
  fmt::print("{:>10}  {:<27}  {:<18}  {:<26}  {:<8}  {}\n", "index", "time", "action", "tenant",
             "outcome", "object");
  for (const json& row : rows)
    fmt::print("{}\n", line_of(row));
  return kExitOk;
}

int audit_show(const AdminCli& cli, const std::string& entry, bool detail) {
  const Got got = get(cli, "entries/" + url_part(entry) + (detail ? "?detail=true" : ""));
  if (got.code != kExitOk) return got.code;
  if (cli.output == Output::json) {
    fmt::print("{}\n", got.text);
    return kExitOk;
  }
  fmt::print("index: {}\n", member(got.body, "index"));
  for (const auto& [name, value] : got.body["entry"].items())
    fmt::print("{}: {}\n", name, member(got.body["entry"], name.c_str()));
  if (!detail) return kExitOk;
  if (got.body.contains("detail_missing"))
    fmt::print("detail: none ({})\n", member(got.body, "detail_missing"));
  for (const auto& [name, value] : got.body.value("detail", json::object()).items())
    fmt::print("detail.{}: {}\n", name,
               printable(value.is_string() ? value.get<std::string>() : value.dump()));
  return kExitOk;
}

int audit_prove(const AdminCli& cli, const std::string& entry, const std::string& out) {
  const Got got = get(cli, "entries/" + url_part(entry) + "/proof");
  if (got.code != kExitOk) return got.code;
  const json& body = got.body;
  const std::string note = body.value("checkpoint", "");
  const std::string bytes = body.value("bytes", "");
  const auto checkpoint = ledgerlog::parse_signed_checkpoint(note);
  const auto keys = ledgerlog::LogKeys::parse(body.value("keys", ""));
  if (!checkpoint || !keys) return failed("the server's checkpoint or keys make no sense");
  const auto proof_read = proof_of(body);
  if (!proof_read) return failed(proof_read.error().message());
  const ledgerlog::Proof& proof = *proof_read;
  const std::uint64_t index = body.value("index", std::uint64_t{0});
  const auto proven = ledgerlog::verify_entry(bytes, index, proof, *checkpoint, *keys);
  if (!proven) return failed("the proof is wrong: " + proven.error().message());
  if (!out.empty()) {
    if (const auto made = make_folder(out); !made) return failed(made.error().message());
    const std::string file = ledgerlog::format_proof_file(index, proof, note);
    if (const auto written = write_pair(out, index, bytes, file); !written)
      return failed(written.error().message());
  }
  if (cli.output == Output::json) {
    fmt::print("{}\n", got.text);
    return kExitOk;
  }
  const Digest leaf = ledgerlog::leaf_hash(bytes);
  fmt::print("entry {} is in the log '{}' of {} entries\nleaf:  {}\nroot:  {}\nproof: {} hashes\n",
             index, printable(checkpoint->checkpoint.origin), checkpoint->checkpoint.size,
             to_base64(leaf), to_base64(checkpoint->checkpoint.root), proof.size());
  return kExitOk;
}

int audit_checkpoint(const AdminCli& cli, const std::string& out) {
  const Got got = get(cli, "checkpoint");
  if (got.code != kExitOk) return got.code;
  const std::string note = got.body.value("checkpoint", "");
  if (out.empty()) {
    fmt::print("{}", cli.output == Output::json ? got.text + "\n" : note);
    return kExitOk;
  }
  const auto parsed = ledgerlog::parse_signed_checkpoint(note);
  if (!parsed) return failed("the server's checkpoint makes no sense");
  std::string path = out;
  if (is_folder(out)) path += fmt::format("/{:020}.checkpoint", parsed->checkpoint.size);
  const auto there = audit_files::real_files().read(path);
  if (there && there->has_value() && **there == note) {
    fmt::print("{} (was there already)\n", path);
    return kExitOk;
  }
  if (const auto written = write_new(path, note); !written)
    return failed(written.error().message());
  fmt::print("{}\n", path);
  return kExitOk;
}

int audit_export(const AdminCli& cli, const std::string& tenant, const std::string& out) {
  const Got first = get(cli, "checkpoint");
  if (first.code != kExitOk) return first.code;
  const std::string note = first.body.value("checkpoint", "");
  const auto checkpoint = ledgerlog::parse_signed_checkpoint(note);
  if (!checkpoint) return failed("the server's checkpoint makes no sense");
  if (::mkdir(out.c_str(), 0700) != 0)
    return failed(fmt::format("cannot make the folder '{}': {}", out,
                              std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe)
  const std::string target =
      fmt::format("export?tenant={}&size={}", url_part(tenant), checkpoint->checkpoint.size);
  for (const auto& [name, bytes] : {std::pair<std::string, std::string>{"checkpoint", note},
                                    {"keys", first.body.value("keys", "")}}) {
    if (const auto written = write_new(out + "/" + name, bytes); !written)
      return failed(written.error().message());
  }
  std::size_t count = 0;
  std::string after;
  do {
    const Got got = get(cli, after.empty() ? target : target + "&after=" + after);
    if (got.code != kExitOk) return got.code;
    for (const json& row : got.body.value("data", json::array())) {
      const auto proof = proof_of(row);
      if (!proof) return failed(proof.error().message());
      const std::uint64_t index = row.value("index", std::uint64_t{0});
      const auto written = write_pair(out, index, row.value("bytes", ""),
                                      ledgerlog::format_proof_file(index, *proof, note));
      if (!written) return failed(written.error().message());
      ++count;
    }
    after = got.body.value("has_more", false) ? member(got.body, "next") : "";
  } while (!after.empty());
  fmt::print("{} entries of {} in '{}', proven against the checkpoint of {} entries\n", count,
             tenant, out, checkpoint->checkpoint.size);
  return kExitOk;
}

int audit_holds(const AdminCli& cli, const std::string& tenant) {
  const std::string query = tenant.empty() ? "" : "&tenant=" + url_part(tenant);
  json rows = json::array();
  std::string after;
  do {
    std::string target = fmt::format("holds?limit={}{}", kPage, query);
    if (!after.empty()) target += "&after=" + url_part(after);
    Got got = get(cli, target);
    if (got.code != kExitOk) return got.code;
    for (json& row : got.body["data"])
      rows.push_back(std::move(row));
    after = got.body.value("has_more", false) ? member(got.body, "next") : "";
  } while (!after.empty());
  if (cli.output == Output::json) {
    fmt::print("{}\n", json{{"data", rows}}.dump());
    return kExitOk;
  }
  fmt::print("{:<26}  {:<30}  {:<27}  {}\n", "tenant", "subject", "since", "reason");
  for (const json& row : rows) {
    const std::string name = member(row, "tenant");
    const std::string subject = member(row, "subject");
    fmt::print("{:<26}  {:<30}  {:<27}  {}\n", name.empty() ? member(row, "tenant_id") : name,
               row.value("whole_tenant", false) ? "(all of it)"
               : subject.empty()                ? "(name not kept)"
                                                : subject,
               member(row, "since"), member(row, "reason"));
  }
  return kExitOk;
}

namespace {

void print_erased(const json& done) {
  const auto count = [&](const char* name) { return done.value(name, std::int64_t{0}); };
  fmt::print("erased: {}, {} names in the usage ledger, the owner of {} revoked keys\n",
             done.value("log_key", false) ? "the audit log's key" : "no key of the audit log",
             count("ledger_subjects"), count("revoked_keys"));
  if (done.value("overwritten", false))
    fmt::print("overwritten: what was left of the name in control.db\n");
  if (count("still_named") > 0)
    fmt::print(stderr,
               "sovmesh: warning: {} accounts, keys in use or limits still name this user: delete, "
               "revoke or change them, then erase again\n",
               count("still_named"));
}

}  // namespace

int audit_write(const AdminCli& cli, const std::string& verb, const AuditWriteOptions& options) {
  json body = json::object();
  if (!options.tenant.empty()) body["tenant"] = options.tenant;
  if (!options.subject.empty()) body["subject"] = options.subject;
  if (!options.reason.empty()) body["reason"] = options.reason;
  const auto answer = admin_ask(cli, "POST", std::string(kRoot) + verb,
                                body.dump(-1, ' ', false, json::error_handler_t::replace));
  if (!answer || answer->status >= 300) return admin_failed(answer);
  const json parsed = json::parse(answer->body, nullptr, false);
  if (parsed.is_object() && parsed.contains("warning"))
    fmt::print(stderr, "sovmesh: warning: {}\n", member(parsed, "warning"));
  if (cli.output == Output::json || !parsed.is_object()) {
    fmt::print("{}\n", answer->body);
    return kExitOk;
  }
  if (const std::string index = member(parsed, "index"); !index.empty())
    fmt::print("recorded as entry {}\n", index);
  if (verb == "erase") print_erased(parsed);
  return kExitOk;
}

}  // namespace sovmesh::compose

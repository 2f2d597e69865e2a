#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <variant>

#include "base/bytes.h"
#include "base/time_text.h"
#include "compose/certificate.h"
#include "compose/doctor.h"
#include "compose/engines.h"
#include "compose/preflight.h"
#include "config/load.h"
#include "config/process_environment.h"
#include "config/values.h"
#include "rt/certificate_facts.h"
#include "rt/net.h"

// The configuration, and what it refers to.
namespace sovmesh::compose {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPemBytesMax = 1U << 20;
constexpr std::chrono::days kExpiresSoon{21};
constexpr std::uint16_t kOrdinaryPort = 1024;

void examine_model_file(DoctorReport& report, const config::Engine& engine,
                        const std::string& path) {
  const std::string name = fmt::format("engine.{}", engine.name);
  std::error_code unseen;
  const fs::file_status status = fs::status(path, unseen);
  if (!fs::exists(status))
    return report.error(
        name, fmt::format("no such file '{}'", fs::absolute(path).string()),
        fmt::format("see {}: the server's user must read it", engine.position.text()));
  // Opening a FIFO or a device could wait for ever.
  if (!fs::is_regular_file(status))
    return report.error(name, fmt::format("'{}' is not a regular file", path),
                        fmt::format("see {}: name a .gguf file", engine.position.text()));
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  file.read(magic.data(), magic.size());
  if (!file)
    return report.error(
        name, fmt::format("'{}' cannot be read", path),
        fmt::format("see {}: the server's user must read it", engine.position.text()));
  if (std::string_view(magic.data(), magic.size()) != "GGUF")
    return report.error(name, fmt::format("'{}' is no GGUF file", path),
                        "fetch it again, whole: a page of a web site or a pointer of Git LFS is "
                        "often in its place");
  std::error_code failed;
  report.ok(name, fmt::format("'{}', {} MiB", path, fs::file_size(path, failed) >> 20U));
}

void examine_program(DoctorReport& report, const config::Engine* engine) {
  const auto program = find_engine_program(engine == nullptr ? "" : engine->program);
  const std::string name = engine == nullptr ? "engine.program" : "engine." + engine->name;
  if (program) return report.ok(name, program->program);
  const std::string why(program.error().message());
  if (engine == nullptr)
    return report.warning(name, why, "only engines of kind: managed need it (docs/engines.md)");
  report.error(name, why, fmt::format("see {}", engine->position.text()));
}

std::string read_all(const char* path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Addresses in /proc are words of 4 bytes in the machine's order.
std::string address_of(std::string_view hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 8 <= hex.size(); at += 8) {
    std::uint32_t word = 0;
    std::from_chars(hex.data() + at, hex.data() + at + 8, word, 16);
    for (int i = 0; i < 4; ++i)
      bytes += static_cast<char>((word >> (8 * i)) & 0xffU);
  }
  if (bytes.size() == 4) {
    std::array<unsigned char, 4> four{};
    std::copy(bytes.begin(), bytes.end(), four.begin());
    return rt::IpAddress::v4(four).text();
  }
  std::array<unsigned char, 16> all{};
  if (bytes.size() != all.size()) return {};
  std::copy(bytes.begin(), bytes.end(), all.begin());
  return rt::IpAddress::v6(all).text();
}

bool is_any(std::string_view address) { return address == "0.0.0.0" || address == "::"; }

// The process that has a socket, as far as this user may see; 0: nobody that he sees.
struct Holder {
  std::int64_t pid = 0;
  std::string program;
};
Holder holder_of(std::uint64_t inode) {
  const std::string wanted = fmt::format("socket:[{}]", inode);
  std::error_code failed;
  for (const auto& process : fs::directory_iterator("/proc", failed)) {
    const auto pid = parse_u64(process.path().filename().string());
    if (!pid) continue;
    std::error_code hidden;
    for (const auto& one : fs::directory_iterator(process.path() / "fd", hidden)) {
      if (fs::read_symlink(one.path(), hidden) != wanted) continue;
      std::string program = read_all((process.path() / "comm").c_str());
      if (program.ends_with('\n')) program.pop_back();
      return {static_cast<std::int64_t>(*pid), std::move(program)};
    }
  }
  return {};
}

void examine_port(DoctorReport& report, const std::string& text, const rt::IpEndpoint& wanted,
                  const std::vector<ListeningSocket>& sockets, std::int64_t server_pid) {
  const std::string name = "port." + text;
  const std::string address = wanted.ip.text();
  for (const ListeningSocket& socket : sockets) {
    const bool meets = socket.address == address || is_any(socket.address) || is_any(address);
    if (socket.port != wanted.port || !meets) continue;
    const Holder holder = holder_of(socket.inode);
    if (holder.pid != 0 && holder.pid == server_pid)
      return report.ok(name, fmt::format("held by our server (process {})", holder.pid));
    return report.error(
        name,
        holder.pid == 0 ? std::string("another process listens there, which this user cannot see")
                        : fmt::format("process {} ({}) listens there", holder.pid, holder.program),
        "stop it, or choose another address");
  }
  if (wanted.port < kOrdinaryPort && ::geteuid() != 0)
    return report.warning(name, "free, and below 1024",
                          "give the server CAP_NET_BIND_SERVICE (AmbientCapabilities= of systemd)");
  report.ok(name, "free");
}

}  // namespace

std::optional<config::Config> examine_config(DoctorReport& report, const std::string& path,
                                             WallTime now) {
  config::Loaded loaded =
      config::load(path, config::process_environment, config::process_environment_names());
  const char* const kFix = "mend it there; `sovmesh config validate` shows all of it";
  for (const config::Finding& finding : loaded.findings) {
    const std::string what = fmt::format("{}: {}", finding.position.text(), finding.message);
    if (finding.is_error)
      report.error("config", what, kFix);
    else
      report.warning("config", what, kFix);
  }
  if (!loaded.config) return std::nullopt;
  for (const config::Finding& finding : config::check_dates(*loaded.config, now))
    report.warning("config", fmt::format("{}: {}", finding.position.text(), finding.message), kFix);
  const std::vector<std::string> wrong = preflight(*loaded.config);
  for (const std::string& finding : wrong)
    report.error("config", finding, kFix);
  if (wrong.empty())
    report.ok("config",
              fmt::format("'{}' is valid (revision {}): {} engines, {} models, {} tenants", path,
                          loaded.config->revision, loaded.config->engines.size(),
                          loaded.config->models.size(), loaded.config->tenants.size()));
  return std::move(loaded.config);
}

void examine_engines(DoctorReport& report, const config::Config* config) {
  if (config == nullptr) return examine_program(report, nullptr);
  for (const config::Engine& engine : config->engines) {
    if (!engine.managed) continue;
    examine_program(report, &engine);
    examine_model_file(report, engine, engine.model_file);
    for (const std::string& adapter : engine.adapter_files)
      examine_model_file(report, engine, adapter);
  }
}

std::vector<ListeningSocket> listening_sockets(std::string_view proc_net_tcp) {
  constexpr std::string_view kListens = "0A";
  std::vector<ListeningSocket> sockets;
  std::istringstream lines{std::string(proc_net_tcp)};
  std::string line;
  std::getline(lines, line);  // the heading
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string number, local, remote, state, queues, timer, retransmits, uid, timeout;
    ListeningSocket socket;
    words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> uid >>
        timeout >> socket.inode;
    const auto colon = local.find(':');
    if (!words || state != kListens || colon == local.npos) continue;
    unsigned port = 0;
    std::from_chars(local.data() + colon + 1, local.data() + local.size(), port, 16);
    socket.port = static_cast<std::uint16_t>(port);
    socket.address = address_of(std::string_view(local).substr(0, colon));
    sockets.push_back(std::move(socket));
  }
  return sockets;
}

void examine_ports(DoctorReport& report, const config::Server& server, std::int64_t server_pid) {
  std::vector<ListeningSocket> sockets = listening_sockets(read_all("/proc/net/tcp"));
  std::ranges::move(listening_sockets(read_all("/proc/net/tcp6")), std::back_inserter(sockets));
  for (const auto* const addresses :
       {&server.listen, &server.admin_listen, &server.metrics_listen}) {
    for (const std::string& text : *addresses) {
      const auto endpoint = rt::parse_endpoint(text);
      if (!endpoint) continue;  // the configuration's own finding
      const auto* const ip = std::get_if<rt::IpEndpoint>(&*endpoint);
      if (ip != nullptr && ip->port != 0) examine_port(report, text, *ip, sockets, server_pid);
    }
  }
}

void examine_certificate(DoctorReport& report, const config::Server& server, WallTime now) {
  constexpr const char* kName = "certificate";
  if (!server.tls) return;
  if (const auto fits = read_certificate(*server.tls); !fits)
    return report.error(kName, std::string(fits.error().message()),
                        fmt::format("see {}", server.tls->position.text()));
  const auto pem = config::read_text_file(server.tls->certificate, kPemBytesMax);
  const auto facts = pem ? rt::certificate_facts(*pem + "\n", now)
                         : Result<rt::CertificateFacts>(std::unexpected(pem.error()));
  if (!facts) return report.error(kName, std::string(facts.error().message()), "make a new one");
  const std::string what = fmt::format("{} ({}), until {}; its key fits", facts->subject,
                                       fmt::join(facts->names, ", "), to_rfc3339(facts->not_after));
  if (facts->not_after <= now)
    return report.error(kName, what + ": it has expired", "renew it: no client takes it any more");
  if (facts->not_before > now)
    return report.error(kName, what + fmt::format(": not before {}", to_rfc3339(facts->not_before)),
                        "wait, or set the clock right");
  if (facts->not_after < now + kExpiresSoon)
    report.warning(kName, what, "renew it soon; the server takes a new one without a restart");
  else
    report.ok(kName, what);
  if (!facts->distrust.empty())
    report.warning("certificate.chain",
                   fmt::format("this machine does not trust it: {}", facts->distrust),
                   "put the intermediate certificates behind it in the file, or give clients the "
                   "CA that made it");
  else
    report.ok("certificate.chain", "this machine's CAs vouch for it");
}

}  // namespace sovmesh::compose

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/config.h"

namespace sovmesh::compose {

// `sovmesh doctor`: looks at the machine, the data folder and the configuration, and changes
// nothing.
struct DoctorFinding {
  enum class Status : std::uint8_t { ok, warning, error };
  std::string name;  // "store.ledger"
  Status status = Status::ok;
  std::string detail;  // what there is
  std::string fix;     // what to do; empty when all is well
};
std::string_view name(DoctorFinding::Status status);

class DoctorReport {
 public:
  void ok(std::string name, std::string detail);
  void warning(std::string name, std::string detail, std::string fix);
  // One fault is told once: in the words of the part that it concerns.
  void error(std::string name, std::string detail, std::string fix);
  const std::vector<DoctorFinding>& findings() const { return findings_; }
  bool has_error() const;
  std::string text() const;
  std::string json() const;

 private:
  std::vector<DoctorFinding> findings_;
};

struct DoctorOptions {
  std::string data_dir;
  bool is_data_dir_named = false;  // somebody said it: then it is to be there
  std::string config;              // empty: none is looked at
  bool json = false;
};
// Returns an exit code: 1 when there is an error among the findings.
int doctor(const DoctorOptions& options);

// Its parts.
void examine_machine(DoctorReport& report);
void examine_sandbox(DoctorReport& report);
// The process that has the folder; 0: none.
std::int64_t examine_store(DoctorReport& report, const DoctorOptions& options, WallTime now);
void examine_clock(DoctorReport& report);
// Nothing when it cannot be read: the report says so.
std::optional<config::Config> examine_config(DoctorReport& report, const std::string& path,
                                             WallTime now);
void examine_engines(DoctorReport& report, const config::Config* config);
void examine_ports(DoctorReport& report, const config::Server& server, std::int64_t server_pid);
void examine_certificate(DoctorReport& report, const config::Server& server, WallTime now);

// A socket that listens, as /proc/net/tcp and tcp6 tell.
struct ListeningSocket {
  std::string address;  // a literal; "0.0.0.0" and "::" are all of them
  std::uint16_t port = 0;
  std::uint64_t inode = 0;
};
std::vector<ListeningSocket> listening_sockets(std::string_view proc_net_tcp);

}  // namespace sovmesh::compose

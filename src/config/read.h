#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace sovmesh::config {

// Reads YAML text into `config` (which keeps what the text does not set) and appends findings.
class FileReader {
 public:
  struct Access {
    bool files = true;  // includes, secrets from files, ca_file
  };
  FileReader(const Environment& environment, Access access, std::vector<Finding>& findings)
      : environment_(environment), access_(access), findings_(findings) {}

  // `file` is for messages and for relative paths. Follows includes, at most kIncludesMax.
  void read(const std::string& file, std::string_view text, Config& config);

  // Every file that was read or should have been.
  const std::vector<std::string>& touched() const { return touched_; }

  static constexpr std::size_t kBytesMax = 4U << 20;
  static constexpr std::size_t kIncludesMax = 64;

 private:
  const Environment& environment_;
  Access access_;
  std::vector<Finding>& findings_;
  std::size_t included_ = 0;
  std::vector<std::string> touched_;
};

// SM_SERVER_WORKERS=2, SM_LOG_LEVEL=debug: the fields of server, log, security, audit and ledger.
void apply_environment(const Environment& environment, const std::vector<std::string>& names,
                       Config& config, std::vector<Finding>& findings);

// References between objects, settings without effect, names used twice.
void check(const Config& config, std::vector<Finding>& findings);
// The part of it about limits, prices, currencies, webhooks and the audit log.
void check_metering(const Config& config, std::vector<Finding>& findings);

}  // namespace sovmesh::config

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "compose/process.h"
#include "config/config.h"
#include "store/audit.h"
#include "store/control_store.h"
#include "store/ledger.h"
#include "store/replay.h"

namespace sovmesh::compose {

// What a start writes at most before it serves. On a full disk the ledger lends it.
inline constexpr std::int64_t kStartRoom = std::int64_t{8} << 20;

// The data folder and what lives in it.
struct Process::Data {
  static Result<std::unique_ptr<Data>> open(const std::string& path, const config::Config& config,
                                            const Clock& clock, Random& random,
                                            const observe::Log& log, bool sabotage_drop_one_token);
  virtual ~Data() = default;
  // What a start on a full disk was lent is not needed any more.
  virtual void start_is_over() = 0;
  virtual store::ControlStore& control() = 0;
  virtual store::Ledger& ledger() = 0;
  virtual std::shared_ptr<store::Audit> audit() = 0;  // null: off
  virtual store::ReplayStore& replays() = 0;
  // Peppers of API keys: from the configuration, or made at the first start.
  virtual Result<std::map<std::int32_t, Secret>> peppers() = 0;
  virtual std::string run_dir() const = 0;  // sockets of engines, 0700
  virtual std::string admin_socket() const = 0;
  virtual Secret admin_token() const = 0;
};

}  // namespace sovmesh::compose

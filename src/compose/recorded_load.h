#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sim/des/workload.h"

namespace sovmesh::compose {

// Which of a data folder's requests are played again.
struct Recorded {
  std::string data_dir;
  std::optional<WallTime> from;     // inclusive, by when they came
  std::optional<WallTime> until;    // exclusive
  std::vector<std::string> models;  // empty: all
};

// The settled requests of the folder's ledger as a workload: whose they were, when they came, how
// many tokens they had, how many of these had been cached. Texts are not in a ledger, so what was
// cached stays cached and nothing else ever is. Writes nothing; a server may run on the folder.
Result<des::Workload> recorded_load(const Recorded& recorded);

}  // namespace sovmesh::compose

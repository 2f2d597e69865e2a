#pragma once

#include <string>

#include "base/ids.h"
#include "metering/usage.h"
#include "store/control_store.h"

// What every fixture under tests/upgrade/data holds, whatever its schema. Only add to it: old
// fixtures are never written again, so a check of something new starts with the fixture that has
// it.
namespace sovmesh::upgrade {

inline const TenantId kTenant{Ulid::from_bytes({1, 0x9a, 1})};
inline const ProjectId kProject{Ulid::from_bytes({1, 0x9a, 2})};
inline const ModelId kModel{Ulid::from_bytes({1, 0x9a, 3})};
inline const EngineId kEngine{Ulid::from_bytes({1, 0x9a, 4})};
inline const RequestId kSettled{Ulid::from_bytes({1, 0x9a, 5})};
inline const RequestId kLeftOpen{Ulid::from_bytes({1, 0x9a, 6})};
inline const std::string kKey = "abcdefghijkl";
inline const std::string kValueName = "digest_key/01";
inline const std::string kValue{"\0\1\2", 3};
inline constexpr WallTime kOpenedAt{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25)};

}  // namespace sovmesh::upgrade

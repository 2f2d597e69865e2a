#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "store/control_store.h"

namespace sovmesh::control {

// A stored share as the configuration file would declare it, but for its place there.
config::Member member_of(const store::PoolMemberRecord& record, const store::ControlData& data);

// The file's pools with what the API added to them. Shares of pools that are gone are not in force.
std::vector<config::Pool> pools_with(std::vector<config::Pool> declared,
                                     const store::ControlData& data);
// The same with shares that were stored before anybody asked whether they lend more than they have.
std::vector<config::Pool> pools_in_force(std::vector<config::Pool> declared,
                                         const store::ControlData& data);

// "project 'web' of tenant 'aurora' in pool 'gpu'"
std::string member_text(std::string_view pool, const config::Member& member);

}  // namespace sovmesh::control

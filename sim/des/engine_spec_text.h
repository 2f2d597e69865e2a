#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "sim/des/engine_model.h"

namespace sovmesh::des {

// "base-us=3000,kv-tokens=20000": the default engine with other settings; "default": without.
// Code::config_invalid names what is wrong.
Result<EngineSpec> parse_engine_spec(std::string_view text);
// The same form, with every setting.
std::string to_text(const EngineSpec& spec);
// The settings' names, separated by commas, for --help.
std::string engine_spec_names();

}  // namespace sovmesh::des

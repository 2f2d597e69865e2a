#pragma once

#include <string>
#include <string_view>

#include "store/ledger.h"

namespace sovmesh::control {

// What store::Ledger::verify() found, for programs and for people.
std::string_view is_clean_text();  // stands in the text when nothing differs, and only then
std::string verify_json(const store::VerifyReport& report);
std::string verify_text(const store::VerifyReport& report);

}  // namespace sovmesh::control

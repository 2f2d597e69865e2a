#pragma once

#include <string>
#include <string_view>

namespace sovmesh {

// Text as the content of an element or of a quoted attribute.
std::string escape_html(std::string_view text);

}  // namespace sovmesh

#include "base/append.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace sovmesh {
namespace {

// From every size, so that the string grows at each of them.
TEST(AppendAll, GluesWhateverRoomThereIs) {
  for (std::size_t size = 0; size < 200; ++size) {
    std::string out(size, 'x');
    out.shrink_to_fit();
    append_all(out, "\"", std::string_view("name"), "\":", std::string("a longer value"), "");
    append_all(out, std::string_view(), "!");
    EXPECT_EQ(out, std::string(size, 'x') + "\"name\":a longer value!");
  }
}

TEST(AppendHex, KeepsWhatIsThere) {
  const unsigned char bytes[] = {0x00, 0x12, 0x9f, 0xff};
  for (std::size_t size = 0; size < 100; ++size) {
    std::string out(size, 'x');
    out.shrink_to_fit();
    append_hex(out, bytes);
    EXPECT_EQ(out, std::string(size, 'x') + "00129fff");
  }
}

}  // namespace
}  // namespace sovmesh

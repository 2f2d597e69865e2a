#include "base/append.h"

#include <gtest/gtest.h>

#include <limits>

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

TEST(AppendNumber, WritesEveryNumber) {
  std::string out = "x";
  append_number(out, std::numeric_limits<std::int64_t>::min());
  append_number(out, std::numeric_limits<std::uint64_t>::max());
  append_number(out, 0);
  append_number(out, std::uint16_t{8'080});
  EXPECT_EQ(out, "x-92233720368547758081844674407370955161508080");
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

#include "http/field_rules.h"

#include <gmock/gmock.h>

#include <string>

namespace sovmesh::http {
namespace {

TEST(FieldText, EveryByteIsJudgedAtEveryPlace) {
  for (std::size_t size = 1; size <= 20; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'x');
        text[at] = static_cast<char>(byte);
        const bool allowed = (byte >= 0x20 || byte == '\t') && byte != 0x7F;
        ASSERT_EQ(is_field_text(text), allowed) << byte << " at " << at << " of " << size;
      }
    }
  }
  EXPECT_TRUE(is_field_text(""));
  EXPECT_FALSE(is_field_text("\t\x01"));
}

TEST(ContentLength, IsDigitsOnly) {
  EXPECT_EQ(parse_content_length("0"), 0U);
  EXPECT_EQ(parse_content_length("999999999999999999"), 999'999'999'999'999'999U);
  for (const char* bad : {"", "00", "01", "1 ", "+1", "-1", "0x1", "1,1", "1000000000000000000"})
    EXPECT_FALSE(parse_content_length(bad)) << bad;
}

TEST(FramingLookalikes, AreNamesWithTheSameLetters) {
  for (const char* name : {"content_length", "content--length", "contentlength", "-content-length",
                           "transfer_encoding", "transfer---encoding", "transfer.encoding"})
    EXPECT_TRUE(looks_like_framing(name)) << name;
  for (const char* name : {"content-length", "transfer-encoding", "content-type", "te",
                           "x-content-length", "content-lengths", "transfer-encodin"})
    EXPECT_FALSE(looks_like_framing(name)) << name;
}

}  // namespace
}  // namespace sovmesh::http

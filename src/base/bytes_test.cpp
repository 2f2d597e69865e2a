#include "base/bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "base/error.h"

namespace sovmesh {
namespace {

std::vector<unsigned char> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

TEST(Hex, IsLowerCaseAndTwoDigitsPerByte) {
  EXPECT_EQ(to_hex(std::array<unsigned char, 3>{0x00, 0x0f, 0xab}), "000fab");
  EXPECT_EQ(to_hex({}), "");
}

TEST(Base64, EncodesTheVectorsOfRfc4648) {
  EXPECT_EQ(to_base64(bytes_of("")), "");
  EXPECT_EQ(to_base64(bytes_of("f")), "Zg==");
  EXPECT_EQ(to_base64(bytes_of("fo")), "Zm8=");
  EXPECT_EQ(to_base64(bytes_of("foo")), "Zm9v");
  EXPECT_EQ(to_base64(bytes_of("foobar")), "Zm9vYmFy");
}

TEST(Base64, DecodesWhatItEncodes) {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all.push_back(static_cast<char>(i));
    EXPECT_EQ(from_base64(to_base64(bytes_of(all))), all);
  }
  EXPECT_EQ(from_base64(""), "");
}

TEST(Base64, RefusesEverySecondSpelling) {
  for (const std::string_view bad :
       {"Zg", "Zg=", "Zh==", "Zm9=", "====", "Z===", "Zg==Zg==", "Zm9v\n", "Zm-_", "Zm9 "})
    EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
}

TEST(Crc32, FitsTheCheckValueAndAnyAlignment) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);
  EXPECT_EQ(crc32(""), 0U);
  EXPECT_EQ(crc32("The quick brown fox jumps over the lazy dog"), 0x414FA339U);
}

TEST(Crc32, IsTheRemainderAtEveryLength) {
  std::string text;
  std::uint32_t remainder = 0xffffffffU;
  for (int i = 0; i < 400; ++i) {
    text += static_cast<char>(i * i + 7);
    remainder ^= static_cast<unsigned char>(text.back());
    for (int bit = 0; bit < 8; ++bit)
      remainder = (remainder >> 1) ^ ((remainder & 1) != 0 ? 0xEDB88320U : 0U);
    EXPECT_EQ(crc32(text), ~remainder) << text.size();
  }
}

TEST(Base62, HasAFixedWidth) {
  EXPECT_EQ(to_base62(0, 3), "000");
  EXPECT_EQ(to_base62(61, 2), "0z");
  EXPECT_EQ(to_base62(62, 2), "10");
  EXPECT_EQ(to_base62(62 * 62 + 5, 2), "05") << "high digits are lost";
  EXPECT_TRUE(is_base62("azAZ09"));
  EXPECT_FALSE(is_base62("a-b"));
  EXPECT_FALSE(is_base62("\xc3\xa4"));
}

TEST(Utf8, AcceptsWellFormedText) {
  for (const std::string_view good :
       {"", "plain ASCII, longer than one word", "gr\xc3\xbc\xc3\x9f", "\xe2\x82\xac",
        "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf", "\xc2\x80"})
    EXPECT_TRUE(is_valid_utf8(good)) << good;
}

TEST(Utf8, RefusesOverlongSurrogatesAndCutSequences) {
  for (const std::string_view bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
        "12345678\xc3", "1234567\xc3z", "\xe2(\xa1"})
    EXPECT_FALSE(is_valid_utf8(bad)) << to_hex(bytes_of(bad));
}

TEST(JsonString, EscapesWhatJsonForbids) {
  std::string out = "x";
  append_json_string(out, std::string_view("a\"b\\c\n\r\t\0\x1f\x7f\xc3\xa4", 13));
  EXPECT_EQ(out, "x\"a\\\"b\\\\c\\n\\r\\t\\u0000\\u001f\x7f\xc3\xa4\"");
  std::string inside;
  append_json_escaped(inside, "\"\"");
  EXPECT_EQ(inside, "\\\"\\\"");
}

// Every byte at every place of a text that is longer than what is looked at at once.
TEST(JsonText, EscapesAByteWhereverItStands) {
  for (int byte = 0; byte < 256; ++byte) {
    std::string alone;
    append_json_escaped(alone, std::string(1, static_cast<char>(byte)));
    const bool plain = byte >= 0x20 && byte != '"' && byte != '\\';
    EXPECT_EQ(alone.size() == 1, plain) << byte;
    for (std::size_t at = 0; at < 20; ++at) {
      std::string text(20, '\x80');
      text[at] = static_cast<char>(byte);
      std::string out;
      append_json_escaped(out, text);
      EXPECT_EQ(out, std::string(at, '\x80') + alone + std::string(19 - at, '\x80')) << byte;
    }
  }
}

TEST(ParseU64, TakesOneSpellingPerNumber) {
  EXPECT_EQ(parse_u64("0"), 0U);
  EXPECT_EQ(parse_u64("18446744073709551615"), 18446744073709551615U);
  for (const std::string_view bad : {"", "00", "01", "+1", "-1", " 1", "1 ", "1a",
                                     "18446744073709551616", "99999999999999999999"})
    EXPECT_EQ(parse_u64(bad), std::nullopt) << bad;
}

TEST(AsciiText, ComparesAndTrimsWithoutALocale) {
  EXPECT_TRUE(equals_ignore_case("Content-LENGTH", "content-length"));
  EXPECT_FALSE(equals_ignore_case("a", "ab"));
  EXPECT_FALSE(equals_ignore_case("@", "`")) << "only letters have two cases";
  EXPECT_EQ(to_lower("AbC-\xc3\x84"), "abc-\xc3\x84");
  EXPECT_EQ(trim(" \t a b\t"), "a b");
  EXPECT_EQ(trim(" \t "), "");
  EXPECT_EQ(trim("\na"), "\na");
}

TEST(Closest, SuggestsOnlyPlausibleTypingErrors) {
  constexpr std::array<std::string_view, 3> kFields{"max_tokens", "temperature", "stream"};
  EXPECT_EQ(closest("max_token", kFields), "max_tokens");
  EXPECT_EQ(closest("tempreature", kFields), "temperature");
  EXPECT_EQ(closest("steram", kFields), "stream");
  EXPECT_EQ(closest("banana", kFields), "");
  EXPECT_EQ(closest("", kFields), "");
  EXPECT_EQ(closest(std::string(100'000, 'a'), kFields), "") << "outside text stays cheap";
}

TEST(ErrorCode, NamesAreTheWordsOfTheWire) {
  EXPECT_EQ(name(Code::queue_full), "queue_full");
  EXPECT_EQ(name(Code::data_dir_invalid), "data_dir_invalid");
  for (int code = 0; code <= static_cast<int>(Code::data_dir_invalid); ++code)
    EXPECT_NE(name(static_cast<Code>(code)), "unknown") << code;
  EXPECT_EQ(name(static_cast<Code>(250)), "unknown");
}

TEST(ErrorValue, SaysWhatToDo) {
  const Error error = Error(Code::rate_limit_exceeded, Blame::client, "slow down")
                          .with_retry_after(std::chrono::seconds(3))
                          .with_should_retry(false)
                          .with_details({.scope = "tenant:aurora", .limit = 5, .reset_at = {}});
  EXPECT_EQ(error.retry_after(), std::chrono::seconds(3));
  EXPECT_EQ(error.should_retry(), false);
  EXPECT_EQ(error.details()->scope, "tenant:aurora");
  Error copy(Code::internal_error, Blame::us, "");
  copy = error;
  EXPECT_EQ(copy.code(), Code::rate_limit_exceeded);
  EXPECT_EQ(copy.details()->limit, 5);
}

TEST(ErrorValue, CopiesAndAddsContext) {
  const Error first = Error(Code::io_error, Blame::us, "disk full").with_param("p");
  const Error second = Error(first).in_context("while writing");
  EXPECT_EQ(first.message(), "disk full");
  EXPECT_EQ(second.message(), "while writing: disk full");
  EXPECT_EQ(second.param(), "p");
  EXPECT_EQ(second.blame(), Blame::us);
}

}  // namespace
}  // namespace sovmesh

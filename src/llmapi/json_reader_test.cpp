#include "llmapi/json_reader.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "llmapi/padded_test_support.h"

namespace sovmesh::llmapi {
namespace {

std::optional<std::string> rewritten(std::string_view text,
                                     JsonReader::Surrogates mode = JsonReader::Surrogates::refuse) {
  const Padded padded(text);
  std::string out(text.size() + JsonReader::kSlack, '\0');
  JsonReader reader;
  if (!reader.start(padded, out.data(), mode) || !reader.value() || !reader.finish()) return {};
  out.resize(static_cast<std::size_t>(reader.mark() - out.data()));
  return out;
}

TEST(JsonReader, WritesTheCanonicalForm) {
  const std::map<std::string, std::string> forms{
      {R"( { "a" : [ 1 , 2.50e+3 , true , false , null ] } )",
       R"({"a":[1,2.50e+3,true,false,null]})"},
      {R"("\/ \u00e9 \uD83D\uDE00 \u0041")", "\"/ é 😀 A\""},
      {R"("\u0000\u0008\u000c\u000A\u000d\u0009\u001F\u007f\u0022\u005c")",
       "\"\\u0000\\b\\f\\n\\r\\t\\u001f\x7f\\\"\\\\\""},
      {R"({"\u006bey":"a long enough run of plain text \n and then some more of it"})",
       R"({"key":"a long enough run of plain text \n and then some more of it"})"},
      {"[]", "[]"},
      {"{}", "{}"},
      {"[[],{}]", "[[],{}]"},
  };
  for (const auto& [text, canonical] : forms) {
    EXPECT_EQ(rewritten(text), canonical) << text;
    EXPECT_EQ(rewritten(canonical), canonical);
  }
}

TEST(JsonReader, KnowsTheSizeOfDecodedText) {
  const Padded padded(R"("a\n\u00e9\u0001\"b")");
  std::string out(64 + JsonReader::kSlack, '\0');
  JsonReader reader;
  ASSERT_TRUE(reader.start(padded, out.data(), JsonReader::Surrogates::refuse));
  ASSERT_TRUE(reader.string());
  std::string text;
  append_decoded(text, reader.string_json());
  EXPECT_EQ(text, "a\né\x01\"b");
  EXPECT_EQ(reader.string_text_size(), text.size());
}

TEST(JsonReader, RefusesWhatStandsInTheTable) {
  const std::map<std::string, JsonFault> faults{
      {"", JsonFault::syntax},
      {" ", JsonFault::syntax},
      {"\xEF\xBB\xBF{}", JsonFault::syntax},
      {"{} x", JsonFault::syntax},
      {"[1,]", JsonFault::syntax},
      {"[,1]", JsonFault::syntax},
      {R"({"a":1,})", JsonFault::syntax},
      {R"({"a"})", JsonFault::syntax},
      {"[1", JsonFault::syntax},
      {"\"abc", JsonFault::syntax},
      {"\"abc\\", JsonFault::syntax},
      {"\"\\u00", JsonFault::syntax},
      {"\"\\ud83d\\ude", JsonFault::lone_surrogate},
      {"\"\n\"", JsonFault::syntax},
      {"01", JsonFault::syntax},
      {"1.", JsonFault::syntax},
      {"-", JsonFault::syntax},
      {"nul", JsonFault::syntax},
      {"NaN", JsonFault::syntax},
      {"\"\xff\"", JsonFault::invalid_utf8},
      {R"("\ud800")", JsonFault::lone_surrogate},
      {R"("\udc00\ud800")", JsonFault::lone_surrogate},
      {"1e400", JsonFault::number_out_of_range},
      {"-1e400", JsonFault::number_out_of_range},
      {"1e-400", JsonFault::number_out_of_range},
      {R"({"a":1,"b":{"a":2},"a":3})", JsonFault::duplicate_key},
      {R"({"a":1,"\u0061":3})", JsonFault::duplicate_key},
      {R"({"\u001F":1,"\u001f":3})", JsonFault::duplicate_key},
  };
  for (const auto& [text, fault] : faults)
    EXPECT_EQ(check_json(Padded(text)), fault) << text;
}

TEST(JsonReader, AcceptsNumbersAtTheEdges) {
  for (const std::string_view text :
       {"0e999999", "-0", "1e308", "2.2250738585072014e-308", "5e-324", "123456789012345678901234"})
    EXPECT_EQ(rewritten(text), text);
  EXPECT_EQ(check_json(Padded(std::string(308, '9'))), JsonFault::none);
  EXPECT_EQ(check_json(Padded(std::string(400, '9'))), JsonFault::number_out_of_range);
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

TEST(JsonReader, BoundsTheDepth) {
  EXPECT_EQ(check_json(Padded(nested(64))), JsonFault::none);
  EXPECT_EQ(check_json(Padded(nested(65))), JsonFault::too_deep);
  EXPECT_EQ(check_json(Padded(nested(100'000))), JsonFault::too_deep);
  EXPECT_EQ(check_json(Padded(std::string(100'000, '['))), JsonFault::too_deep);
}

// A deep text costs no more than a flat one of as many bytes: reading stops where it is too deep.
TEST(JsonReader, ReadsNoFurtherThanTheDepthThatItTakes) {
  const std::string deep = nested(100'000);
  const Padded padded(deep);
  std::string out(deep.size() + JsonReader::kSlack, '\0');
  JsonReader reader;
  ASSERT_TRUE(reader.start(padded, out.data(), JsonReader::Surrogates::refuse));
  EXPECT_FALSE(reader.value());
  EXPECT_EQ(reader.fault(), JsonFault::too_deep);
  EXPECT_EQ(reader.offset(), static_cast<std::size_t>(JsonReader::kDepthMax));
}

TEST(JsonReader, FindsADuplicateAmongManyKeys) {
  std::string many = "{";
  for (int i = 0; i < 5000; ++i)
    many += "\"key" + std::to_string(i) + "\":" + nested(3) + ",";
  EXPECT_EQ(check_json(Padded(many + "\"last\":0}")), JsonFault::none);
  EXPECT_EQ(check_json(Padded(many + "\"key77\":0}")), JsonFault::duplicate_key);
  EXPECT_EQ(check_json(Padded(many + "\"k\\u0065y77\":0}")), JsonFault::duplicate_key);
}

TEST(JsonReader, BoundsTheKeysItRemembers) {
  std::string many = "{\"k\":0";
  for (std::size_t i = 1; i < JsonReader::kKeysMax; ++i)
    many += ",\"" + std::to_string(i) + "\":0";
  EXPECT_EQ(check_json(Padded(many + "}")), JsonFault::none);
  EXPECT_EQ(check_json(Padded(many + ",\"x\":0}")), JsonFault::too_many_members);
}

TEST(JsonReader, ReplacesLoneSurrogatesWhereAsked) {
  const auto replace = JsonReader::Surrogates::replace;
  EXPECT_EQ(rewritten(R"("a\ud800b")", replace), "\"a\uFFFDb\"");
  EXPECT_EQ(rewritten(R"("\udc00\ud83d\ude00\ud83d")", replace), "\"\uFFFD😀\uFFFD\"");
  EXPECT_EQ(rewritten(R"("\ud800\ud800\n")", replace), "\"\uFFFD\uFFFD\\n\"");
}

TEST(JsonReader, LeavesOutWhatIsRewound) {
  const Padded padded(R"({"a":1,"b":[2],"c":3})");
  std::string out(64 + JsonReader::kSlack, '\0');
  JsonReader reader;
  ASSERT_TRUE(reader.start(padded, out.data(), JsonReader::Surrogates::refuse));
  ASSERT_TRUE(reader.open_object());
  for (;;) {
    char* const mark = reader.mark();
    std::string_view key;
    if (reader.next_member(key) != JsonReader::Step::more) break;
    ASSERT_TRUE(reader.value());
    if (key != "b") reader.rewind(mark);
  }
  ASSERT_TRUE(reader.finish());
  EXPECT_EQ(std::string_view(out.data(), reader.mark()), R"({"b":[2]})");
}

// The public suite: what must be read, what must be refused, and what we decided where both are
// allowed.
class JsonTestSuite : public testing::Test {
 protected:
  void SetUp() override {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread.
    const char* const given = std::getenv("SM_SHARED_DATA");
    folder_ = given != nullptr ? std::filesystem::path(given)
                               : std::filesystem::path(SM_SOURCE_DIR) / ".." / "shared" / "data";
    folder_ /= "conformance/json/test_parsing";
    if (!std::filesystem::is_directory(folder_)) {
      GTEST_SKIP() << "JSONTestSuite is not at " << folder_ << " (set SM_SHARED_DATA)";
    }
  }
  std::map<std::string, JsonFault> verdicts(std::string_view prefix) const {
    std::map<std::string, JsonFault> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      const std::string file = entry.path().filename().string();
      if (!file.starts_with(prefix)) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      found[file] = check_json(Padded(text));
    }
    return found;
  }
  std::filesystem::path folder_;
};

TEST_F(JsonTestSuite, ReadsEveryValidText) {
  // Valid by the grammar; refused by our rule on keys, under its own code.
  const std::set<std::string> duplicates{"y_object_duplicated_key.json",
                                         "y_object_duplicated_key_and_value.json"};
  const auto found = verdicts("y_");
  EXPECT_EQ(found.size(), 95);
  for (const auto& [file, fault] : found) {
    EXPECT_EQ(fault, duplicates.contains(file) ? JsonFault::duplicate_key : JsonFault::none)
        << file;
  }
}

TEST_F(JsonTestSuite, RefusesEveryInvalidText) {
  const auto found = verdicts("n_");
  EXPECT_EQ(found.size(), 188);
  for (const auto& [file, fault] : found)
    EXPECT_NE(fault, JsonFault::none) << file;
}

TEST_F(JsonTestSuite, DecidesTheOpenCasesAsPinned) {
  using enum JsonFault;
  const std::map<std::string, JsonFault> pinned{
      {"i_number_double_huge_neg_exp.json", number_out_of_range},
      {"i_number_huge_exp.json", number_out_of_range},
      {"i_number_neg_int_huge_exp.json", number_out_of_range},
      {"i_number_pos_double_huge_exp.json", number_out_of_range},
      {"i_number_real_neg_overflow.json", number_out_of_range},
      {"i_number_real_pos_overflow.json", number_out_of_range},
      {"i_number_real_underflow.json", number_out_of_range},
      {"i_number_too_big_neg_int.json", none},
      {"i_number_too_big_pos_int.json", none},
      {"i_number_very_big_negative_int.json", none},
      {"i_object_key_lone_2nd_surrogate.json", lone_surrogate},
      {"i_string_1st_surrogate_but_2nd_missing.json", lone_surrogate},
      {"i_string_1st_valid_surrogate_2nd_invalid.json", lone_surrogate},
      {"i_string_UTF-16LE_with_BOM.json", invalid_utf8},
      {"i_string_UTF-8_invalid_sequence.json", invalid_utf8},
      {"i_string_UTF8_surrogate_U+D800.json", invalid_utf8},
      {"i_string_incomplete_surrogate_and_escape_valid.json", lone_surrogate},
      {"i_string_incomplete_surrogate_pair.json", lone_surrogate},
      {"i_string_incomplete_surrogates_escape_valid.json", lone_surrogate},
      {"i_string_invalid_lonely_surrogate.json", lone_surrogate},
      {"i_string_invalid_surrogate.json", lone_surrogate},
      {"i_string_invalid_utf-8.json", invalid_utf8},
      {"i_string_inverted_surrogates_U+1D11E.json", lone_surrogate},
      {"i_string_iso_latin_1.json", invalid_utf8},
      {"i_string_lone_second_surrogate.json", lone_surrogate},
      {"i_string_lone_utf8_continuation_byte.json", invalid_utf8},
      {"i_string_not_in_unicode_range.json", invalid_utf8},
      {"i_string_overlong_sequence_2_bytes.json", invalid_utf8},
      {"i_string_overlong_sequence_6_bytes.json", invalid_utf8},
      {"i_string_overlong_sequence_6_bytes_null.json", invalid_utf8},
      {"i_string_truncated-utf-8.json", invalid_utf8},
      {"i_string_utf16BE_no_BOM.json", invalid_utf8},
      {"i_string_utf16LE_no_BOM.json", invalid_utf8},
      {"i_structure_500_nested_arrays.json", too_deep},
      {"i_structure_UTF-8_BOM_empty_object.json", syntax},
  };
  EXPECT_EQ(verdicts("i_"), pinned);
}

}  // namespace
}  // namespace sovmesh::llmapi

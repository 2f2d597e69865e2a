#include "base/csv.h"

#include <gtest/gtest.h>

namespace sovmesh {
namespace {

std::string field(std::string_view text) {
  CsvWriter csv;
  csv.text(text);
  return csv.take();
}

TEST(Csv, FieldsAreQuotedOnlyWhenTheyMustBe) {
  CsvWriter csv;
  csv.text("plain").text("a,b").text("say \"x\"").text("two\nlines").text("").number(-7);
  csv.end_line();
  csv.plain("-0.25");
  csv.end_line();
  EXPECT_EQ(csv.take(), "plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",,-7\r\n-0.25\r\n");
}

TEST(Csv, NoTextOfOthersBecomesAFormula) {
  for (const std::string_view text :
       {"=1+1", "+1", "-1", "@SUM(A1)", "|cmd", "\t=1", "\r=1", "  =1", "\"=1\"", "'=1",
        "\xef\xbc\x9d"
        "1"}) {
    const std::string shown = field(text);
    EXPECT_TRUE(shown.starts_with("\"'")) << shown;
  }
  EXPECT_EQ(field("a=1"), "a=1");
  EXPECT_EQ(field("1-1"), "1-1");
}

}  // namespace
}  // namespace sovmesh

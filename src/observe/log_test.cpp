#include "observe/log.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace sovmesh::observe {
namespace {

TEST(LogLine, EscapesWhatItIsGiven) {
  LogLine line(Level::info, "request", WallTime(std::chrono::seconds(0)));
  line.add("text", "a\"b\n").add("count", std::int64_t{-3}).add_bool("ok", true).add_null("none");
  EXPECT_EQ(
      std::move(line).take(),
      R"({"ts":"1970-01-01T00:00:00.000000Z","level":"info","event":"request","text":"a\"b\n",)"
      R"("count":-3,"ok":true,"none":null})");
}

TEST(FileSink, WritesEveryLineBeforeItGoes) {
  const std::string path = testing::TempDir() + "/sovmesh_log_test.jsonl";
  std::filesystem::remove(path);
  {
    auto sink = make_file_sink(path);
    ASSERT_TRUE(sink);
    for (int i = 0; i < 100; ++i)
      (*sink)->write("{}");
    EXPECT_EQ((*sink)->dropped(), 0U);
  }
  std::ifstream file(path);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(all.size(), 300U);
}

TEST(FileSink, DropsAndCountsWhatDoesNotFit) {
  auto sink = make_file_sink("/dev/null");
  ASSERT_TRUE(sink);
  (*sink)->write(std::string((64U << 20) + 1, 'x'));
  EXPECT_EQ((*sink)->dropped(), 1U);
}

TEST(FileSink, SaysWhatCannotBeOpened) {
  const auto sink = make_file_sink("/nowhere/at/all.log");
  ASSERT_FALSE(sink);
  EXPECT_NE(sink.error().message().find("/nowhere/at/all.log"), std::string::npos);
}

}  // namespace
}  // namespace sovmesh::observe

#include "observe/log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

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

// A pipe in the file system; reading begins with open_reader().
class PipeSink : public testing::Test {
 protected:
  PipeSink() {
    std::filesystem::remove(path_);
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  }
  void open_reader() { reader_ = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC); }
  void close_reader() { ::close(std::exchange(reader_, -1)); }
  ~PipeSink() override {
    if (reader_ >= 0) close_reader();
    std::filesystem::remove(path_);
  }
  // The sink's thread takes its time.
  static void await_dropped(const LogSink& sink, std::uint64_t lines) {
    while (sink.dropped() < lines)
      std::this_thread::yield();
    EXPECT_EQ(sink.dropped(), lines);
  }

  const std::string path_ = testing::TempDir() + "/sovmesh_log_test.pipe";
  int reader_ = -1;
};

TEST_F(PipeSink, GoesThoughNobodyReads) {
  open_reader();
  auto sink = make_file_sink(path_, std::chrono::milliseconds(1));
  ASSERT_TRUE(sink);
  for (int i = 0; i < 300; ++i)
    (*sink)->write(std::string(1'000, 'x'));
  testing::internal::CaptureStderr();
  sink->reset();
  EXPECT_NE(testing::internal::GetCapturedStderr().find("lines of the log are lost"),
            std::string::npos);
}

TEST_F(PipeSink, CountsWhatTheReaderThatWentAwayDoesNotGet) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  open_reader();
  auto sink = make_file_sink(path_);
  ASSERT_TRUE(sink);
  close_reader();
  (*sink)->write("{}");
  (*sink)->write("{}");
  await_dropped(**sink, 2);
  std::signal(SIGPIPE, before);
}

TEST_F(PipeSink, IsNotOpenedWithoutAReader) {
  const auto sink = make_file_sink(path_);
  ASSERT_FALSE(sink);
  EXPECT_NE(sink.error().message().find("nobody reads this pipe"), std::string::npos);
}

TEST_F(PipeSink, CountsWhatADiskDoesNotTakeAndSaysSoOnce) {
  testing::internal::CaptureStderr();
  auto sink = make_file_sink("/dev/full");
  ASSERT_TRUE(sink);
  for (std::uint64_t lines = 1; lines < 4; ++lines) {
    (*sink)->write("{}");
    await_dropped(**sink, lines);
  }
  sink->reset();
  const std::string said = testing::internal::GetCapturedStderr();
  EXPECT_NE(said.find("cannot write the log to '/dev/full'"), std::string::npos);
  EXPECT_EQ(said.find("cannot"), said.rfind("cannot"));
}

TEST(FileSink, SaysWhatCannotBeOpened) {
  const auto sink = make_file_sink("/nowhere/at/all.log");
  ASSERT_FALSE(sink);
  EXPECT_NE(sink.error().message().find("/nowhere/at/all.log"), std::string::npos);
}

}  // namespace
}  // namespace sovmesh::observe

#include "observe/trace_context.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/bytes.h"

namespace sovmesh::observe {
namespace {

class SevenRandom : public Random {
 public:
  void fill(std::span<unsigned char> out) override {
    std::ranges::fill(out, static_cast<unsigned char>(7));
  }
};

constexpr std::string_view kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";

TEST(BeginSpan, ContinuesW3c) {
  SevenRandom random;
  const auto context = begin_span(
      {.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}, random);
  EXPECT_EQ(to_hex(context.trace), kTrace);
  EXPECT_EQ(context.traceparent(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-01");
}

TEST(BeginSpan, ContinuesB3) {
  SevenRandom random;
  const auto single =
      begin_span({.b3 = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1"}, random);
  EXPECT_EQ(single.b3(), "4bf92f3577b34da6a3ce929d0e0e4736-0707070707070707-1");
  const auto multi = begin_span({.x_b3_trace_id = "a3ce929d0e0e4736",
                                 .x_b3_span_id = "00f067aa0ba902b7",
                                 .x_b3_sampled = "1"},
                                random);
  EXPECT_EQ(to_hex(multi.trace), "0000000000000000a3ce929d0e0e4736");
  EXPECT_TRUE(multi.sampled);
}

TEST(BeginSpan, BeginsAnewWhenHeadersAreMalformed) {
  SevenRandom random;
  for (const char* bad : {"", "00", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                          "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra"}) {
    const auto context = begin_span({.traceparent = bad, .b3 = bad}, random);
    EXPECT_EQ(to_hex(context.trace), "07070707070707070707070707070707") << bad;
    EXPECT_FALSE(context.sampled);
  }
}

}  // namespace
}  // namespace sovmesh::observe

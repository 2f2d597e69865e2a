#include "compose/top_text.h"

#include <gmock/gmock.h>

namespace sovmesh::compose {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

TopView some() {
  return {.live = {},
          .engines = json::parse(R"([{"name":"gpu","state":"ready","condition":"in","slots":8,
                                      "load":{"running":3,"waiting":1}},
                                     {"name":"off","state":"stopped","slots":4,"load":null}])"),
          .pools = json::parse(R"([{"pool":"p","part":"","level":"pool","guaranteed":"1",
                                    "used":"0.5","borrowed":"0","running":3,"waiting":1},
                                   {"pool":"p","part":"aurora","level":"tenant","used":"0.5",
                                    "borrowed":"0","running":2,"waiting":1}])"),
          .system = json::parse(R"({"version":"1.0","ready":false,"not_ready":["engine off"]})"),
          .place = "here"};
}

TEST(TopText, ShowsEnginesPoolsAndTenants) {
  const std::string text = top_text(some(), 200, 0);
  EXPECT_THAT(text, HasSubstr("sovmesh 1.0 at here: NOT READY (engine off)\n"));
  EXPECT_THAT(text, HasSubstr("gpu     ready    in               3        1      8\n"));
  EXPECT_THAT(text, HasSubstr("off     stopped  -                -        -      4\n"));
  EXPECT_THAT(text, HasSubstr("aurora  p           0.5"));
}

TEST(TopText, GoesByLiveFiguresWhereThereAreAny) {
  TopView view = some();
  view.live = json::parse(R"({"requests_per_s":2.5,"output_tokens_per_s":1234.5,"errors_per_s":0.0,
    "ttft_ms":{"p50":101.2,"p95":null},"running":3,"waiting":1,
    "engines":[{"name":"gpu","state":"ready","running":5,"waiting":0,"slots":8}],
    "tenants":[{"tenant":"aurora","requests_per_s":2.5,"output_tokens_per_s":1234.5,
                "errors_per_s":0.0,"ttft_ms":{"p50":101.2,"p95":null},"running":3,"waiting":1}]})");
  const std::string text = top_text(view, 200, 0);
  EXPECT_THAT(text, HasSubstr("2.5 requests/s  1234 tokens/s  0.0 errors/s  first token p50 101 ms "
                              "p95 - ms  3 running  1 waiting\n"));
  EXPECT_THAT(text, HasSubstr("REQ/S"));
  EXPECT_THAT(text, Not(HasSubstr("stopped")));
}

TEST(TopText, KeepsToTheTerminal) {
  const std::string text = top_text(some(), 20, 4);
  EXPECT_THAT(text, HasSubstr("... "));
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const std::size_t end = text.find('\n', at);
    EXPECT_LE(end - at, 20U);
    at = end + 1;
  }
  EXPECT_EQ(lines, 4U);
}

TEST(TopText, ATenantsPersonSeesNoEngines) {
  const std::string text =
      top_text({.live = {}, .engines = {}, .pools = {}, .system = {}, .place = "x\x1b[2J"}, 80, 0);
  EXPECT_EQ(text, "sovmesh - at x?[2J\n");
}

}  // namespace
}  // namespace sovmesh::compose

#include "control/explain.h"

#include <gmock/gmock.h>

#include <random>

#include "base/bytes.h"
#include "tests/support/fake_audit.h"
#include "tests/support/report_rows.h"

namespace sovmesh::control {
namespace {

using metering::Price;
using metering::PriceTerms;
using testing::HasSubstr;
using testing::Not;

std::shared_ptr<const Price> price(PriceTerms terms) {
  terms.model = "plus";
  terms.currency = "EUR";
  return *Price::make(std::move(terms));
}

TEST(CostLines, AddUpToTheChargeWhateverThePriceAndTheCounts) {
  std::mt19937_64 random(7);
  const auto up_to = [&](std::int64_t max) {
    return static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(max + 1));
  };
  for (int i = 0; i < 2'000; ++i) {
    const std::int64_t rate = i % 3 == 0 ? 999'999'999 : 7'777;
    const auto made = price({.call = up_to(rate),
                             .input = up_to(rate),
                             .cached_input = up_to(rate),
                             .output = up_to(rate),
                             .characters = up_to(rate),
                             .concurrency_hour = up_to(rate),
                             .gpu_second = up_to(rate),
                             .prompt_ns = up_to(99'999),
                             .cached_ns = up_to(9'999),
                             .output_ns = up_to(9'999'999)});
    metering::Usage usage;
    usage.counts.prompt = up_to(100'000);
    usage.counts.cached = up_to(usage.counts.prompt);
    usage.counts.generated = up_to(10'000);
    usage.characters = up_to(400'000);
    usage.open_for = std::chrono::microseconds(up_to(600'000'000));
    std::int64_t sum = 0;
    for (const CostLine& line : cost_lines(*made, usage))
      sum += line.amount;
    ASSERT_EQ(sum, cost_of(*made, usage));
  }
}

TEST(CostLines, OfThreeHalvesOneIsLostAloneAndComesBackTogether) {
  const auto made = price({.input = 500'000, .output = 500'000});  // half a micro-unit a token
  const metering::Usage usage{.counts = {.prompt = 1, .generated = 1}};
  const auto lines = cost_lines(*made, usage);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0].amount, 0);
  EXPECT_EQ(lines[2].name, "fractions of the above");
  EXPECT_EQ(lines[2].amount, 1);
}

TEST(RequestIds, AreReadInEveryFormThatPeopleHave) {
  const RequestId id{ulid(9)};
  EXPECT_EQ(*parse_request_id("req_" + id.value.hex()), id);
  EXPECT_EQ(*parse_request_id(id.value.hex()), id);
  EXPECT_EQ(*parse_request_id(id.value.text()), id);
  for (const char* text : {"", "req_", "req_0123", "chatcmpl-123", "REQ_0123456789abcdef",
                           "req_0123456789abcdef0123456789abcdeX"})
    EXPECT_FALSE(parse_request_id(text)) << text;
}

class ExplainTest : public testing::Test {
 protected:
  ExplainTest() {
    const auto made = price({.call = 100,
                             .input = 2'000'000,
                             .output = 6'000'000,
                             .output_ns = 1'000'000,
                             .milliwatts = 700'000});
    ledger_.prices[made->id()] = made;
    store::UsageRow& row = add_row(ledger_, "2026-11-01T08:00:00Z", 100, 50);
    row.price_version = made->id();
    row.reserved_tokens = 612;
    row.charge = charge_of(made.get(), usage_of(row), metering::power_model());
  }
  Explanation it(store::Audit* audit = nullptr) {
    auto out = explain(ledger_, audit, report_data(), ledger_.all.front().request);
    EXPECT_TRUE(out);
    return out.value_or(Explanation());
  }
  RowLedger ledger_;
};

TEST_F(ExplainTest, TellsTheWholeLifeOfARequest) {
  const std::string text = explanation_text(it());
  for (const char* piece :
       {"aurora", "web", "front end (AAAAAAAAAAAA)", "612", "settled", "input", "0.0002", "0.0003",
        "charged", "0.0006", "estimated", "there is no audit log"})
    EXPECT_THAT(text, HasSubstr(piece));
  EXPECT_THAT(text, Not(HasSubstr("ADD UP")));
  const std::string json = explanation_json(it());
  EXPECT_THAT(json, HasSubstr(R"("cost_micro":600)"));
  EXPECT_THAT(json, HasSubstr(R"("adds_up":true)"));
  EXPECT_THAT(json, HasSubstr(R"("gse_seconds":"0.05")"));
}

TEST_F(ExplainTest, SaysWhichRuleChoseWhatAndWhy) {
  EXPECT_THAT(explanation_text(it()), HasSubstr("latest requests is remembered"));
  EXPECT_THAT(explanation_json(it()), HasSubstr(R"("scheduling":null)"));
  Explanation explained = it();
  explained.placing = Placing{.version = "chat-v2",
                              .priority = "agent",
                              .attempts = {{.version = "chat-v2",
                                            .why = "it fits the condition beta",
                                            .engine = "gpu-2",
                                            .outcome = "ok",
                                            .rule = "borrowed",
                                            .pool = "gpu",
                                            .waited = std::chrono::microseconds(12'340),
                                            .tenant_before = 3,
                                            .pool_before = 40,
                                            .engines = {{.name = "gpu-1", .verdict = "full"},
                                                        {.name = "gpu-2",
                                                         .verdict = "taken",
                                                         .cost_us = 5'400,
                                                         .parts = {{"prefill", 5'400}},
                                                         .cached_tokens = 128}}}}};
  const std::string text = explanation_text(explained);
  for (const char* piece :
       {"agent", "its version: it fits the condition beta\n",
        "gpu-2: ok, after 12.3 ms in the queue", "had had least of what is shared",
        "40 waited in the pool gpu, 3 of them of its tenant", "gpu-1           full\n",
        "taken     5.4 ms: prefill 5.4; 128 tokens cached\n", "docs/waiting.md"})
    EXPECT_THAT(text, HasSubstr(piece));
  const std::string json = explanation_json(explained);
  EXPECT_THAT(json, HasSubstr(R"("scheduling":{"version":"chat-v2","class":"agent","attempts":[)"
                              R"({"version":"chat-v2","why":"it fits the condition beta",)"
                              R"("engine":"gpu-2","outcome":"ok","waited_us":12340,)"));
  EXPECT_THAT(json, HasSubstr(R"({"engine":"gpu-1","verdict":"full","cost_us":null})"));
  EXPECT_THAT(json, HasSubstr(R"("cost_us":5400,"parts_us":{"prefill":5400},"cached_tokens":128)"));
}

TEST_F(ExplainTest, ARequestThatNeverRanSaysWhyNot) {
  const Placing refused{
      .priority = "batch",
      .attempts = {{.outcome = "queue_full", .waited = std::chrono::seconds(30)}}};
  EXPECT_THAT(unbooked_text({ulid(7)}, refused),
              HasSubstr("no engine: queue_full, after 30000.0 ms in the queue"));
  EXPECT_THAT(unbooked_json({ulid(7)}, refused),
              HasSubstr(R"("state":"unbooked","scheduling":{"version":"","class":"batch",)"
                        R"("attempts":[{"version":"","why":null,"engine":null,)"
                        R"("outcome":"queue_full","waited_us":30000000,)"
                        R"("rule":null}]})"));
}

TEST_F(ExplainTest, AChargeThatDoesNotFollowFromItsPriceIsSaid) {
  ledger_.all.front().charge.cost_micro += 1;
  EXPECT_FALSE(it().adds_up());
  EXPECT_THAT(explanation_text(it()), HasSubstr("DOES NOT ADD UP"));
}

TEST_F(ExplainTest, OpenVoidUnpricedAndRecoveredRequestsSaySo) {
  store::UsageRow& row = ledger_.all.front();
  row.price_version.clear();
  row.charge = {};
  row.settlement.finish = metering::Finish::recovered;
  EXPECT_THAT(explanation_text(it()), HasSubstr("Unpriced"));
  EXPECT_THAT(explanation_text(it()), HasSubstr("a lower bound"));
  row.voided = true;
  EXPECT_THAT(explanation_text(it()), HasSubstr("never reached an engine"));
  row.voided = false;
  row.open = true;
  row.checkpoint = {.prompt = 7, .generated = 4711, .delivered = 4700};
  EXPECT_THAT(explanation_text(it()), HasSubstr("still open"));
  EXPECT_THAT(explanation_text(it()), HasSubstr("4711"));
  EXPECT_THAT(explanation_json(it()), HasSubstr(R"("checkpoint":{"prompt_tokens":7,)"));
  EXPECT_THAT(explanation_text(it()), HasSubstr("not those of when it ran"));
  EXPECT_THAT(explanation_json(it()), HasSubstr(R"("settle":null)"));
  ledger_.all.clear();
  EXPECT_EQ(explain(ledger_, nullptr, report_data(), {ulid(101)}).error().code(), Code::not_found);
}

TEST_F(ExplainTest, NamesTheLimitsThatItCountsAgainst) {
  using limits::Limit;
  using limits::ScopeKey;
  using limits::Target;
  store::UsageRow row = ledger_.all.front();
  row.user = "ann";
  const auto named = [](std::string name, Target target, std::string model = {}) {
    return Limit{.name = std::move(name), .target = std::move(target), .zone = {}, .model = model};
  };
  const std::vector<Limit> all{
      named("1", Target::one(ScopeKey::of(kAurora), "tenant:aurora")),
      named("2", Target::one(ScopeKey::of(kBoreal), "tenant:boreal")),
      named("3", Target::one(ScopeKey::user(kAurora, "ann"), "user:ann")),
      named("4", Target::one(ScopeKey::user(kBoreal, "ann"), "user:their-ann")),
      named("5", Target::each(limits::Scope::project, kAurora)),
      named("6", Target::one(ScopeKey::of(row.key), "key:one"), "plus"),
      named("7", Target::one(ScopeKey::of(row.key), "key:other"), "mini"),
      named("8", Target::each(limits::Scope::pool)),
      named("9", Target::one(ScopeKey::pool("gpus"), "pool:gpus")),
      named("10", Target::one(ScopeKey::pool("cpus"), "pool:cpus"))};
  const auto names = limits_of(all, row, "");
  ASSERT_EQ(names.size(), 4U);
  EXPECT_THAT(names[0], HasSubstr("tenant:aurora"));
  EXPECT_THAT(names[1], HasSubstr("user:ann"));
  EXPECT_THAT(names[2], HasSubstr("project:*"));
  EXPECT_THAT(names[3], HasSubstr("key:one"));
  const auto in_pool = limits_of(all, row, "gpus");
  ASSERT_EQ(in_pool.size(), 6U);
  EXPECT_THAT(in_pool[4], HasSubstr("pool:*"));
  EXPECT_THAT(in_pool[5], HasSubstr("pool:gpus"));
}

TEST_F(ExplainTest, BringsTheAuditEntryWithItsProof) {
  FakeAudit audit;
  EXPECT_THAT(explanation_text(it(&audit)), HasSubstr("no entry of it"));
  store::RequestEntry entry;
  entry.request = ledger_.all.front().request;
  audit.note(entry);
  const Explanation found = it(&audit);
  ASSERT_TRUE(found.entry && found.proof);
  EXPECT_THAT(explanation_text(found), HasSubstr(to_hex(found.proof->hashes.at(0))));
  EXPECT_THAT(explanation_json(found), HasSubstr(R"("index":0)"));
  EXPECT_THAT(explanation_json(found), HasSubstr("fake.example"));
}

TEST_F(ExplainTest, APlaceThatIsHiddenLeavesTheClass) {
  Explanation known = it();
  known.entry = store::AuditRecord{.bytes = R"({"v":2,"class":"batch","pool":"gpu"})"};
  hide_place(known, false);
  EXPECT_THAT(explanation_json(known), HasSubstr(R"("class":"batch","pool":null)"));
  EXPECT_THAT(explanation_json(known), HasSubstr(R"("engine":"")"));
  EXPECT_THAT(explanation_text(known), Not(HasSubstr("gpu")));
  EXPECT_FALSE(known.entry);
}

TEST_F(ExplainTest, TellsClassAndPoolFromTheAuditLogWhenTheTurnIsForgotten) {
  Explanation known = it();
  EXPECT_THAT(explanation_json(known), HasSubstr(R"("class":null,"pool":null,"scheduling":null)"));
  known.entry = store::AuditRecord{.bytes = R"({"v":2,"class":"batch","pool":"gpu"})"};
  EXPECT_THAT(explanation_json(known), HasSubstr(R"("class":"batch","pool":"gpu")"));
  EXPECT_THAT(explanation_text(known), HasSubstr("class           batch"));
  known.placing = Placing{.version = "", .priority = "agent", .attempts = {{.pool = "cpu"}}};
  EXPECT_THAT(explanation_json(known), HasSubstr(R"("class":"agent","pool":"cpu")"));
  known.placing.reset();
  known.entry->bytes = R"({"v":1})";
  EXPECT_FALSE(known.turn());
}

}  // namespace
}  // namespace sovmesh::control

#include "control/statement.h"

#include <gmock/gmock.h>

#include <map>
#include <random>

#include "base/bytes.h"
#include "base/hash.h"
#include "control/statements.h"
#include "control/verify_text.h"
#include "tests/support/fake_audit.h"
#include "tests/support/manual_clock.h"
#include "tests/support/memory_control.h"
#include "tests/support/report_rows.h"

namespace sovmesh::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class StatementTest : public testing::Test {
 protected:
  StatementTest() {
    control_.data = report_data();
    for (tenancy::Tenant& tenant : control_.data.tenants)
      tenant.meta.created_at = at("2026-09-15T00:00:00Z");
    set_time("2026-12-02T12:00:00Z");
  }
  void set_time(std::string_view text) { clock_.jump_wall(at(text) - clock_.wall_now()); }
  Statements::Document of(const std::string& month, const std::string& tenant = "aurora") {
    auto out = statements_.of_month(tenant, month);
    EXPECT_TRUE(out) << out.error().message();
    return out ? *std::move(out) : Statements::Document();
  }
  std::optional<Code> refusal(const std::string& month, const std::string& tenant = "aurora") {
    const auto out = statements_.of_month(tenant, month);
    if (out) return std::nullopt;
    return out.error().code();
  }
  Result<Adjustment> adjust(std::string id, std::string amount, std::string reason = "a mistake") {
    return statements_.adjust("aurora", {std::move(id), std::move(amount), std::move(reason)});
  }
  static std::vector<std::string> ids(const Statement& statement) {
    std::vector<std::string> out;
    for (const Adjustment& one : statement.adjustments)
      out.push_back(one.id);
    return out;
  }

  RowLedger ledger_;
  MemoryControl control_;
  FakeAudit audit_;
  ManualClock clock_;
  Statements statements_{control_, ledger_, &audit_, clock_};
};

TEST_F(StatementTest, LinesTotalAndLedgerAreOneSumWhateverTheRowsAre) {
  std::mt19937_64 random(3);
  const auto up_to = [&](std::uint64_t max) {
    return static_cast<std::int64_t>(random() % (max + 1));
  };
  const std::array<std::string, 3> models{"plus", "mini", "embed"};
  const std::array<std::string, 3> prices{"", "p-000000000001", "p-000000000002"};
  for (int round = 0; round < 20; ++round) {
    ledger_.all.clear();
    control_.values.clear();
    std::map<std::string, std::int64_t> cost;
    for (int i = 0; i < 300; ++i) {
      const WallTime booked =
          at("2026-10-20T00:00:00Z") + std::chrono::microseconds(up_to(50ULL * 86'400 * 1'000'000));
      store::UsageRow& row =
          add_row(ledger_, to_rfc3339(booked), up_to(5'000), up_to(900), up_to(123'456'789));
      row.project = up_to(1) == 0 ? kWeb : kLab;
      row.cost_centre = up_to(2) == 0 ? "" : "cc" + std::to_string(up_to(2));
      row.model = models.at(static_cast<std::size_t>(up_to(2)));
      row.price_version = prices.at(static_cast<std::size_t>(up_to(2)));
      row.currency = up_to(9) == 0 ? "DKK" : "EUR";
      row.open = up_to(20) == 0;
      row.voided = up_to(20) == 0;
      if (row.voided || row.open || !row.is_priced()) row.charge.cost_micro = 0;
      if (up_to(9) == 0) row.tenant = kBoreal;
      const bool inside =
          row.booked_at >= at("2026-10-31T23:00:00Z") && row.booked_at < at("2026-11-30T23:00:00Z");
      if (inside && row.tenant == kAurora && !row.open && !row.voided)
        cost[row.currency] += row.charge.cost_micro;
    }
    const Statements::Document document = of("2026-11");
    ASSERT_FALSE(document.statement.preliminary);
    std::map<std::string, std::int64_t> total;
    for (const auto& [currency, sums] : document.statement.totals())
      total[currency] = sums.due_micro();
    ASSERT_EQ(total, cost);
    ASSERT_EQ(*parse_statement(document.json), document.statement);
  }
}

TEST_F(StatementTest, SumsThatDoNotFitTheLinesCloseNothing) {
  add_row(ledger_, "2026-11-10T08:00:00Z", 10, 5, 700);
  // The seeded defect: the ledger's own sum of the month says one micro-unit more.
  class Crooked : public RowLedger {
   public:
    Result<std::vector<store::UsageSum>> sum(const store::UsageQuery& query) override {
      auto sums = RowLedger::sum(query);
      if (query.group_by == store::UsageQuery::GroupBy::none) sums->front().cost_micro += 1;
      return sums;
    }
  } crooked;
  crooked.all = ledger_.all;
  Statements statements(control_, crooked, &audit_, clock_);
  const auto refused = statements.of_month("aurora", "2026-11");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message(), HasSubstr("ledger verify"));
  EXPECT_TRUE(control_.values.empty());
  EXPECT_TRUE(audit_.entries.empty());
}

TEST_F(StatementTest, AMonthClosesOnceAndStaysAsItWas) {
  add_row(ledger_, "2026-11-10T08:00:00Z", 10, 5, 700);
  const Statements::Document first = of("2026-11");
  EXPECT_FALSE(first.statement.preliminary);
  ASSERT_EQ(audit_.entries.size(), 1U);
  EXPECT_EQ(audit_.entries[0].admin->action, "report.statement");
  EXPECT_EQ(to_hex(*audit_.entries[0].admin->after), first.sha256);
  // Whatever happens later.
  add_row(ledger_, "2026-11-11T08:00:00Z", 10, 5, 900);
  control_.data.tenants[0].display_name = "Renamed";
  control_.data.tenants[0].time_zone = "Pacific/Auckland";
  set_time("2027-02-01T00:00:00Z");
  const Statements::Document again = of("2026-11");
  EXPECT_EQ(again.json, first.json);
  EXPECT_EQ(again.sha256, first.sha256);
  EXPECT_EQ(again.sha256, to_hex(sha256(first.json)));
  EXPECT_EQ(audit_.entries.size(), 1U);
}

TEST_F(StatementTest, AStoredDocumentThatWasChangedIsNotShown) {
  add_row(ledger_, "2026-11-10T08:00:00Z", 10, 5, 700);
  of("2026-11");
  std::string& stored = control_.values.begin()->second;
  const auto at = stored.find("\"cost_micro\":700");
  ASSERT_NE(at, stored.npos);
  stored[at + 13] = '8';  // the total is not the sum of the lines any more
  EXPECT_EQ(refusal("2026-11"), Code::data_dir_invalid);
}

TEST_F(StatementTest, AnUnfinishedMonthIsPreliminaryAndNotKept) {
  set_time("2026-11-30T22:59:59Z");  // one second before midnight in Copenhagen
  add_row(ledger_, "2026-11-10T08:00:00Z", 10, 5, 700);
  EXPECT_TRUE(of("2026-11").statement.preliminary);
  EXPECT_THAT(statement_text(of("2026-11").statement, ""), HasSubstr("PRELIMINARY"));
  EXPECT_THAT(statement_html(of("2026-11").statement, ""), HasSubstr("Preliminary"));
  EXPECT_TRUE(control_.values.empty());
  set_time("2026-11-30T23:00:00Z");
  ledger_.flush_fails = true;  // rows may still wait
  EXPECT_TRUE(of("2026-11").statement.preliminary);
  ledger_.flush_fails = false;
  EXPECT_FALSE(of("2026-11").statement.preliminary);
  EXPECT_EQ(control_.values.size(), 1U);
}

TEST_F(StatementTest, WithoutAnAuditEntryNothingCloses) {
  audit_.broken = true;
  EXPECT_EQ(refusal("2026-11"), Code::dependency_unavailable);
  EXPECT_TRUE(control_.values.empty());
  Statements without(control_, ledger_, nullptr, clock_);
  EXPECT_TRUE(without.of_month("aurora", "2026-11"));
}

TEST_F(StatementTest, MonthsWithNothingInThemAreNotMadeUp) {
  EXPECT_EQ(refusal("2026-08"), Code::not_found);  // before the tenant was
  EXPECT_EQ(refusal("2027-01"), Code::not_found);  // has not begun
  EXPECT_EQ(refusal("2026-13"), Code::invalid_value);
  EXPECT_EQ(refusal("2026-11", "nobody"), Code::not_found);
  EXPECT_EQ(refusal("2026-11", ulid(77).text()), Code::not_found);
  EXPECT_EQ(refusal("2026-11"), std::nullopt);  // nothing used is a statement, too
}

TEST_F(StatementTest, ClosedMonthsTileTimeWhenTheZoneChanges) {
  add_row(ledger_, "2026-10-31T23:30:00Z", 1, 0, 1);  // November in Copenhagen, October in UTC
  add_row(ledger_, "2026-11-30T23:30:00Z", 1, 0, 10);
  const Statement october = of("2026-10").statement;
  EXPECT_EQ(october.sums().cost_micro, 0);
  control_.data.tenants[0].time_zone = "UTC";
  const Statements::Document november = of("2026-11");
  EXPECT_EQ(november.statement.from, october.until);
  EXPECT_EQ(november.statement.sums().cost_micro, 11);
  EXPECT_EQ(november.statement.previous_month, "2026-10");
  EXPECT_EQ(november.statement.previous_sha256, of("2026-10").sha256);
  // The other way round: the later month was closed first.
  EXPECT_EQ(of("2026-09").statement.until, october.from);
}

TEST_F(StatementTest, AnAdjustmentStandsInTheOpenMonthAlone) {
  add_row(ledger_, "2026-11-10T08:00:00Z", 10, 5, 700);
  const std::string november = of("2026-11").json;
  const auto made = adjust("credit-1", "-0.0005");
  ASSERT_TRUE(made);
  EXPECT_EQ(made->month, "2026-12");
  EXPECT_EQ(of("2026-11").json, november);
  EXPECT_THAT(ids(of("2026-12").statement), ElementsAre("credit-1"));
  EXPECT_EQ(of("2026-12").statement.totals().at("EUR").due_micro(), -500);
  set_time("2027-01-01T08:00:00Z");
  EXPECT_THAT(ids(of("2026-12").statement), ElementsAre("credit-1"));
  EXPECT_THAT(ids(of("2027-01").statement), ElementsAre());
  // A clock that goes back into a closed month books nothing there.
  set_time("2026-12-31T20:00:00Z");
  EXPECT_EQ(adjust("credit-2", "1")->month, "2027-01");
}

TEST_F(StatementTest, AnAdjustmentIsBookedOnceForItsId) {
  ASSERT_TRUE(adjust("a", "12.50"));
  const auto again = adjust("a", "12.50");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->amount_micro, 12'500'000);
  EXPECT_EQ(adjust("a", "12.51").error().code(), Code::conflict);
  EXPECT_EQ(adjust("a", "12.50", "another reason").error().code(), Code::conflict);
  set_time("2027-01-05T08:00:00Z");
  EXPECT_EQ(adjust("a", "12.50")->month, "2026-12");
  EXPECT_EQ(of("2026-12").statement.totals().at("EUR").due_micro(), 12'500'000);
  EXPECT_EQ(audit_.entries[0].admin->action, "report.adjustment");
}

TEST_F(StatementTest, AnAdjustmentThatMakesNoSenseIsRefused) {
  for (const char* amount : {"", "0", "-0", "1,50", "1e3", "--1", "0.0000001", "999999999999999"})
    EXPECT_EQ(adjust("x", amount).error().code(), Code::invalid_value) << amount;
  EXPECT_EQ(adjust("", "1").error().code(), Code::invalid_value);
  EXPECT_EQ(adjust("a/b", "1").error().code(), Code::invalid_value);
  EXPECT_EQ(adjust("x", "1", "").error().code(), Code::invalid_value);
  EXPECT_EQ(adjust("x", "1", "two\nlines").error().code(), Code::invalid_value);
  EXPECT_EQ(adjust("x", "1", std::string(257, 'r')).error().code(), Code::invalid_value);
  audit_.broken = true;
  EXPECT_EQ(adjust("x", "1").error().code(), Code::dependency_unavailable);
  EXPECT_TRUE(control_.values.empty());
}

TEST_F(StatementTest, CarriesWhatItWasMadeFrom) {
  const auto price = *metering::Price::make({.model = "plus", .currency = "EUR", .input = 70});
  ledger_.prices[price->id()] = price;
  add_row(ledger_, "2026-10-10T08:00:00Z", 10, 5, 1);
  add_row(ledger_, "2026-11-10T08:00:00Z", 10, 5, 700).price_version = price->id();
  store::UsageRow& lost = add_row(ledger_, "2026-11-11T08:00:00Z", 10, 5);
  lost.price_version.clear();
  lost.settlement.finish = metering::Finish::recovered;
  const Statements::Document document = of("2026-11");
  const Statement& it = document.statement;
  EXPECT_EQ(it.first_seq, 2);
  EXPECT_EQ(it.last_seq, 3);
  ASSERT_EQ(it.prices.size(), 1U);
  EXPECT_EQ((*metering::Price::parse(it.prices[0].text))->id(), price->id());
  const std::string text = statement_text(it, document.sha256);
  for (const std::string& piece :
       {std::string("Ledger rows 2 to 3"), std::string("1 requests had no price"),
        std::string("a lower bound"), std::string("fake.example/log"), std::string("input=70"),
        document.sha256, std::string("Europe/Copenhagen"), std::string("Due: 0.0007 EUR")})
    EXPECT_THAT(text, HasSubstr(piece));
  EXPECT_THAT(document.json, HasSubstr(R"("recovered":1,"unpriced":1)"));
}

TEST_F(StatementTest, APageToPrintLoadsNothingAndBelievesNoName) {
  store::UsageRow& row = add_row(ledger_, "2026-11-10T08:00:00Z", 10, 5, 700);
  row.cost_centre = "<script>alert('x')</script>";
  row.model = "a&b";
  control_.data.tenants[0].display_name = "A <b>\"Name\"</b>";
  ASSERT_TRUE(statements_.adjust("aurora", {"late", "1", "<img src=x onerror=alert(1)>"}));
  const Statements::Document document = of("2026-11");
  const std::string page = statement_html(document.statement, document.sha256) +
                           statement_html(of("2026-12").statement, "");
  for (const char* text :
       {"<script", "<img", "<b>", "http://", "https://", "url(", "src=\"", "@import"})
    EXPECT_THAT(page, Not(HasSubstr(text)));
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"));
  EXPECT_THAT(page, HasSubstr("a&amp;b"));
  EXPECT_THAT(page, HasSubstr("&lt;img src=x onerror=alert(1)&gt;"));
}

TEST_F(StatementTest, CsvAddsUpAndIsSafe) {
  add_row(ledger_, "2026-11-10T08:00:00Z", 10, 5, 1'700'000).cost_centre = "=1+1";
  add_row(ledger_, "2026-11-10T09:00:00Z", 1, 2, 300'001).project = kLab;
  const std::string csv = statement_csv(of("2026-11").statement);
  EXPECT_THAT(csv, HasSubstr("\"'=1+1\""));
  EXPECT_THAT(csv, HasSubstr("due,aurora,2026-11,,,,,,,,,,,,,2.000001,EUR,,\r\n"));
  std::size_t commas = 0;
  for (const char c : csv.substr(0, csv.find('\r')))
    commas += c == ',' ? 1 : 0;
  std::string_view rest = csv;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find("\r\n"));
    EXPECT_EQ(static_cast<std::size_t>(std::ranges::count(line, ',')), commas) << line;
    rest.remove_prefix(line.size() + 2);
  }
}

TEST(VerifyText, SaysWhatDiffersAndWhere) {
  store::VerifyReport report{.rows = 10, .first_seq = 1, .last_seq = 10};
  EXPECT_THAT(verify_text(report), HasSubstr("adds up"));
  EXPECT_THAT(verify_json(report), HasSubstr(R"("clean":true)"));
  report.drift_tokens = 3;
  report.drifts.push_back({.tenant = kAurora, .model = "plus", .where = "balance", .tokens = 3});
  EXPECT_THAT(verify_text(report), HasSubstr("DOES NOT ADD UP"));
  EXPECT_THAT(verify_text(report), HasSubstr("balance"));
  EXPECT_THAT(verify_json(report), HasSubstr(R"("drift_tokens":3)"));
}

}  // namespace
}  // namespace sovmesh::control

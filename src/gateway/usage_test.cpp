#include "gateway/usage.h"

#include <gmock/gmock.h>

#include "gateway/routes.h"
#include "tests/support/report_rows.h"

namespace sovmesh::gateway {
namespace {

using control::add_row;
using control::at;
using control::kAurora;
using control::kBoreal;
using control::key_id;
using control::kLab;
using control::kOther;
using control::kWeb;
using control::ulid;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class OwnUsageTest : public testing::Test {
 protected:
  std::string usage(std::string_view query, const UsageScope* scope = nullptr) {
    auto reply = own_usage(ledger_, scope ? *scope : scope_, query, at("2026-11-26T12:00:00Z"));
    EXPECT_TRUE(reply) << reply.error().message();
    if (!reply) return {};
    next_ = reply->next;
    return reply->body;
  }
  std::string requests(std::string_view query) {
    auto reply = own_requests(ledger_, scope_, query);
    EXPECT_TRUE(reply) << reply.error().message();
    if (!reply) return {};
    next_ = reply->next;
    return reply->body;
  }
  std::optional<Code> refusal(std::string_view query) {
    const auto reply = own_usage(ledger_, scope_, query, at("2026-11-26T12:00:00Z"));
    if (reply) return std::nullopt;
    EXPECT_EQ(reply.error().blame(), Blame::client);
    return reply.error().code();
  }
  // Traffic of others: another tenant, and another project of the same one.
  void add_others() {
    store::UsageRow& other = add_row(ledger_, "2026-11-20T08:00:00Z", 777, 777, 777'777);
    other.tenant = kBoreal;
    other.project = kOther;
    other.user = "their-user";
    other.model = "their-model";
    other.cost_centre = "their-centre";
    other.key = key_id("BBBBBBBBBBBB");
    store::UsageRow& lab = add_row(ledger_, "2026-11-20T08:00:00Z", 888, 888, 888'888);
    lab.project = kLab;
    lab.user = "their-user";
  }
  void add_own() {
    for (int day = 18; day < 24; ++day) {
      store::UsageRow& row = add_row(ledger_, fmt_day(day), 10 * day, day, 1'000'000 + day);
      row.request = {ulid(static_cast<unsigned char>(day))};
      row.user = day % 2 == 0 ? "ann" : "ben";
    }
  }
  static std::string fmt_day(int day) { return "2026-11-" + std::to_string(day) + "T10:00:00Z"; }

  RowLedger ledger_;
  UsageScope scope_{
      .tenant = kAurora, .project = kWeb, .zone = TimeZone::find("Europe/Copenhagen").value()};
  std::string next_;
};

TEST_F(OwnUsageTest, WhatOthersDoChangesNoByte) {
  const std::vector<std::string> sums{"",
                                      "group_by=model",
                                      "group_by=key",
                                      "group_by=user",
                                      "group_by=cost_centre",
                                      "group_by=day",
                                      "group_by=day&format=csv",
                                      "limit=1&group_by=user"};
  const std::vector<std::string> rows{"", "format=csv", "limit=2", "from=2026-11-20"};
  const auto all = [&] {
    std::string out;
    for (const std::string& query : sums)
      out += usage(query) + next_ + "\n";
    for (const std::string& query : rows)
      out += requests(query) + next_ + "\n";
    return out;
  };
  add_own();
  const std::string alone = all();
  EXPECT_THAT(alone, AllOf(HasSubstr("ann"), HasSubstr("2026-11-18")));
  // Before, between and after its own.
  const std::vector<store::UsageRow> own = ledger_.all;
  ledger_.all.clear();
  add_others();
  for (const store::UsageRow& row : own) {
    ledger_.all.push_back(row);
    ledger_.all.back().seq = static_cast<std::int64_t>(ledger_.all.size());
    add_others();
  }
  EXPECT_EQ(all(), alone);
  // The check bites: a row of its own shows.
  add_row(ledger_, "2026-11-21T08:00:00Z", 1, 1);
  EXPECT_NE(all(), alone);
}

TEST_F(OwnUsageTest, ThePlaceOfAnothersRequestIsNoPlace) {
  add_own();
  add_others();
  const std::string theirs = "req_" + ledger_.all.back().request.value.hex();
  const auto foreign = own_requests(ledger_, scope_, "before=" + theirs);
  const auto none = own_requests(ledger_, scope_, "before=req_ffffffffffffffffffffffffffffffff");
  ASSERT_FALSE(foreign);
  ASSERT_FALSE(none);
  EXPECT_EQ(foreign.error().code(), none.error().code());
  EXPECT_EQ(foreign.error().message(), none.error().message());
}

TEST_F(OwnUsageTest, PagesOfRequestsMeetWithoutGapOrOverlap) {
  add_own();
  std::string seen;
  std::string query = "limit=4&format=csv";
  int pages = 0;
  do {
    std::string page = requests(query);
    seen += page.substr(page.find('\n') + 1);
    query = "limit=4&format=csv&before=" + next_;
    ++pages;
  } while (!next_.empty());
  EXPECT_EQ(pages, 2);
  std::string whole = requests("format=csv");
  EXPECT_EQ(seen, whole.substr(whole.find('\n') + 1));
  EXPECT_EQ(std::ranges::count(seen, '\n'), 6);
}

TEST_F(OwnUsageTest, PagesOfGroupsGoOnBelowTheLast) {
  add_own();
  EXPECT_THAT(usage("group_by=day&limit=2"), AllOf(HasSubstr("2026-11-23"), HasSubstr("2026-11-22"),
                                                   Not(HasSubstr("2026-11-21"))));
  EXPECT_EQ(next_, "2026-11-22");
  EXPECT_THAT(usage("group_by=day&limit=2&before=" + next_),
              AllOf(HasSubstr("2026-11-21"), Not(HasSubstr("2026-11-22"))));
  EXPECT_THAT(usage("group_by=user&limit=1"), HasSubstr("ben"));
  EXPECT_EQ(next_, "ben");
  EXPECT_THAT(usage("group_by=user&before=ben"), AllOf(HasSubstr("ann"), Not(HasSubstr("ben"))));
  EXPECT_EQ(next_, "");
}

TEST_F(OwnUsageTest, SumsAreThoseOfTheLedger) {
  add_own();
  EXPECT_THAT(usage(""),
              AllOf(HasSubstr(R"("requests":6)"), HasSubstr(R"("input_tokens":1230)"),
                    HasSubstr(R"("cost":"6.000123")"), HasSubstr(R"("currency":"EUR")")));
  EXPECT_THAT(usage("from=2026-11-19&until=2026-11-21"), HasSubstr(R"("requests":2)"));
  EXPECT_THAT(usage("from=2026-11-19T09:00:00Z&until=2026-11-19T11:00:00Z"),
              HasSubstr(R"("requests":1)"));
}

TEST_F(OwnUsageTest, WhatCannotBeMeantIsRefused) {
  EXPECT_EQ(refusal("colour=red"), Code::unsupported_parameter);
  EXPECT_EQ(refusal("group_by=tenant"), Code::invalid_value);
  EXPECT_EQ(refusal("group_by=project"), Code::invalid_value);
  EXPECT_EQ(refusal("limit=0"), Code::invalid_value);
  EXPECT_EQ(refusal("limit=1001"), Code::invalid_value);
  EXPECT_EQ(refusal("limit=1&limit=2"), Code::invalid_value);
  EXPECT_EQ(refusal("from=yesterday"), Code::invalid_value);
  EXPECT_EQ(refusal("from=2026-11-02&until=2026-11-01"), Code::invalid_value);
  EXPECT_EQ(refusal("group_by=day&from=2001-01-01"), Code::invalid_value);
  EXPECT_EQ(refusal("group_by=day&before=now"), Code::invalid_value);
  EXPECT_EQ(refusal("group_by=day&from=2030-01-01"), std::nullopt);
  EXPECT_EQ(refusal("format=pdf"), Code::invalid_value);
  EXPECT_EQ(refusal("a%"), Code::invalid_request);
  EXPECT_EQ(refusal("a%ff=1"), Code::invalid_request);
}

TEST_F(OwnUsageTest, OpenRequestsAreCountedAndNotListed) {
  add_own();
  ledger_.all.back().open = true;
  ledger_.all.back().seq = 0;
  EXPECT_THAT(usage(""), HasSubstr(R"("requests":6,"open_requests":1)"));
  EXPECT_EQ(std::ranges::count(requests("format=csv"), '\n'), 6);  // with the head
}

TEST(UsageRoutes, AreFoundAndOnlyRead) {
  EXPECT_EQ(match_route("GET", "/v1/usage").endpoint, Endpoint::usage);
  EXPECT_EQ(match_route("GET", "/v1/usage/export").endpoint, Endpoint::usage_export);
  EXPECT_FALSE(match_route("POST", "/v1/usage").method_allowed);
  EXPECT_EQ(match_route("GET", "/v1/usage/else").endpoint, Endpoint::unmatched);
  EXPECT_EQ(match_route("GET", "/t/aurora/v1/usage").endpoint, Endpoint::usage);
}

}  // namespace
}  // namespace sovmesh::gateway

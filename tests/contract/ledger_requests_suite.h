#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/contract/ledger_suite.h"

// How a ledger lists requests. Part of LedgerSuite.
namespace sovmesh::store {

class LedgerRequests : public LedgerSuite {
 protected:
  RequestPage page(const RequestQuery& query) {
    EXPECT_THAT(ledger_->flush(), Succeeds());
    auto found = ledger_->requests(query);
    EXPECT_THAT(found, Succeeds());
    return found ? *std::move(found) : RequestPage();
  }
  // Every row of every page, in order.
  std::vector<UsageRow> all_pages(RequestQuery query) {
    std::vector<UsageRow> rows;
    for (int pages = 0; pages < 1'000; ++pages) {
      RequestPage one = page(query);
      EXPECT_LE(one.rows.size(), query.limit);
      std::ranges::move(one.rows, std::back_inserter(rows));
      if (!one.next) return rows;
      query.after = one.next;
    }
    ADD_FAILURE() << "the list has no end";
    return rows;
  }
  static std::vector<RequestId> ids(const std::vector<UsageRow>& rows) {
    std::vector<RequestId> out;
    for (const UsageRow& row : rows)
      out.push_back(row.request);
    return out;
  }
};

TEST_P(LedgerRequests, ComeNewestFirstThoseThatRunBeforeThoseThatHaveEnded) {
  std::vector<RequestId> wanted;
  for (int i = 0; i < 5; ++i) {
    metering::Intent one = intent();
    wanted.insert(wanted.begin(), one.request);
    serve(one, i);
    ASSERT_THAT(ledger_->flush(), Succeeds());
  }
  metering::Intent running = intent();
  OpenRow open_row = open(running);
  wanted.insert(wanted.begin(), running.request);
  for (const std::size_t limit : {1U, 2U, 4U, 100U})
    EXPECT_EQ(ids(all_pages({.limit = limit})), wanted) << limit;
  const RequestPage first = page({.limit = 3});
  EXPECT_TRUE(first.rows[0].open);
  EXPECT_EQ(first.searched_until, first.rows[2].booked_at);
  EXPECT_FALSE(page({}).searched_until) << "that was all";
  std::move(open_row).settle({});
}

TEST_P(LedgerRequests, NoneIsLeftOutWhateverIsWrittenWhileSomebodyPages) {
  std::map<RequestId, int> seen;
  std::vector<OpenRow> running;
  for (int i = 0; i < 6; ++i) {
    metering::Intent one = intent();
    seen[one.request] = 0;
    serve(one, i);
    running.push_back(open(intent()));
    seen[running.back().request()] = 0;
  }
  RequestQuery query{.limit = 2};
  for (int pages = 0; pages < 100; ++pages) {
    const RequestPage found = page(query);
    for (const UsageRow& row : found.rows)
      if (seen.contains(row.request)) ++seen[row.request];
    if (!found.next) break;
    query.after = found.next;
    serve(intent(), 1);  // new ones, and one of those that ran ends
    if (!running.empty()) {
      std::move(running.back()).settle(settlement(2));
      running.pop_back();
    }
  }
  for (const auto& [request, times] : seen) {
    EXPECT_GE(times, 1);
    EXPECT_LE(times, 2) << "running, and ended";
  }
  for (OpenRow& row : running)
    std::move(row).settle({});
}

TEST_P(LedgerRequests, FiltersFindWhatFitsAndNothingElse) {
  const TenantId other{ids_.next()};
  const ProjectId project{ids_.next()};
  const auto key = *KeyId::parse("zyxwvutsrqpo");
  std::map<std::string, metering::Intent> made;
  for (const char* const name : {"plain", "tenant", "project", "key", "model"})
    made.emplace(name, intent());
  made.at("tenant").tenant = other;
  made.at("project").project = project;
  made.at("key").key = key;
  made.at("model").model = "large";
  for (const auto& [name, one] : made)
    serve(one, 1);
  const auto only = [&](RequestQuery query, const std::vector<std::string>& names) {
    std::vector<RequestId> found = ids(all_pages(std::move(query)));
    std::vector<RequestId> wanted;
    for (const std::string& name : names)
      wanted.push_back(made.at(name).request);
    std::ranges::sort(found);
    std::ranges::sort(wanted);
    EXPECT_EQ(found, wanted);
  };
  only({}, {"plain", "tenant", "project", "key", "model"});
  only({.tenant = other}, {"tenant"});
  only({.tenant = tenant_}, {"plain", "project", "key", "model"});
  only({.project = project}, {"project"});
  only({.tenant = tenant_, .key = key}, {"key"});
  only({.tenant = other, .key = key}, {});
  only({.key = key}, {"key"});
  only({.model = "large"}, {"model"});
  only({.tenant = tenant_, .model = "large"}, {"model"});
  only({.tenant = TenantId{ids_.next()}}, {});
  only({.model = "nobody's"}, {});
}

TEST_P(LedgerRequests, AreKnownByHowFarTheyCame) {
  using metering::Finish;
  const std::map<Finish, RequestStatus> ends{{Finish::stop, RequestStatus::completed},
                                             {Finish::length, RequestStatus::completed},
                                             {Finish::client_closed, RequestStatus::cancelled},
                                             {Finish::upstream_error, RequestStatus::failed},
                                             {Finish::revoked, RequestStatus::failed}};
  for (const auto& [finish, status] : ends) {
    OpenRow row = open(intent());
    metering::Settlement end = settlement(1);
    end.finish = finish;
    std::move(row).settle(end);
  }
  OpenRow unused = open(intent());
  std::move(unused).void_unused();
  OpenRow running = open(intent());
  for (const RequestStatus status : {RequestStatus::open, RequestStatus::completed,
                                     RequestStatus::cancelled, RequestStatus::failed}) {
    const auto wanted =
        status == RequestStatus::open
            ? 1
            : std::ranges::count(ends, status, &std::pair<const Finish, RequestStatus>::second);
    const auto rows = all_pages({.status = status, .limit = 1});
    EXPECT_EQ(std::ssize(rows), wanted) << name(status);
    for (const UsageRow& row : rows)
      EXPECT_EQ(status_of(row), status);
  }
  EXPECT_EQ(all_pages({}).size(), ends.size() + 1) << "what reached no engine is not shown";
  std::move(running).settle({});
}

TEST_P(LedgerRequests, AreOfATimeOverDays) {
  std::vector<RequestId> order;
  for (int day = 0; day < 4; ++day) {
    for (int hour = 1; hour < 24; hour += 6) {
      set_wall(kMidnight + std::chrono::days(day) + std::chrono::hours(hour));
      metering::Intent one = intent();
      order.insert(order.begin(), one.request);
      serve(one, 1);
      ASSERT_THAT(ledger_->flush(), Succeeds());
    }
  }
  EXPECT_EQ(ids(all_pages({.tenant = tenant_, .limit = 3})), order);
  EXPECT_EQ(ids(all_pages({.limit = 3})), order);
  const auto within = [&](std::chrono::hours from, std::chrono::hours until) {
    return all_pages({.tenant = tenant_,
                      .from = kMidnight + from,
                      .until = kMidnight + until,
                      .limit = 2})
        .size();
  };
  using std::chrono::hours;
  EXPECT_EQ(within(hours(0), hours(24)), 4U);
  EXPECT_EQ(within(hours(2), hours(24)), 3U);
  EXPECT_EQ(within(hours(24), hours(24 + 8)), 2U);
  EXPECT_EQ(within(hours(20), hours(24 * 3)), 8U);
  EXPECT_EQ(within(hours(24 * 9), hours(24 * 10)), 0U);
}

}  // namespace sovmesh::store

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/time_text.h"
#include "store/control_store.h"
#include "tests/support/row_ledger.h"

namespace sovmesh::control {

// Two tenants with a project and a key each, and rows of a ledger for tests of reports.
inline WallTime at(std::string_view text) { return parse_rfc3339(text).value(); }

inline Ulid ulid(unsigned char last) {
  std::array<unsigned char, 16> bytes{1};
  bytes.back() = last;
  return Ulid::from_bytes(bytes);
}
inline KeyId key_id(std::string_view text) { return KeyId::parse(text).value(); }

inline const TenantId kAurora{ulid(1)};
inline const TenantId kBoreal{ulid(2)};
inline const ProjectId kWeb{ulid(11)};
inline const ProjectId kLab{ulid(12)};
inline const ProjectId kOther{ulid(13)};

inline store::ControlData report_data() {
  store::ControlData data;
  tenancy::Tenant aurora{.id = kAurora, .slug = TenantSlug::parse("aurora").value()};
  aurora.time_zone = "Europe/Copenhagen";
  tenancy::Tenant boreal{.id = kBoreal, .slug = TenantSlug::parse("boreal").value()};
  data.tenants = {aurora, boreal};
  data.projects = {{.id = kWeb, .tenant = kAurora, .slug = ProjectSlug::parse("web").value()},
                   {.id = kLab, .tenant = kAurora, .slug = ProjectSlug::parse("lab").value()},
                   {.id = kOther, .tenant = kBoreal, .slug = ProjectSlug::parse("web").value()}};
  tenancy::Key key{.id = key_id("AAAAAAAAAAAA"), .tenant = kAurora, .project = kWeb};
  key.display_name = "front end";
  data.keys = {key};
  return data;
}

// A settled row of aurora's; the ledger's next.
inline store::UsageRow& add_row(RowLedger& ledger, std::string_view booked, std::int64_t prompt,
                                std::int64_t generated, std::int64_t cost_micro = 0) {
  const auto seq = static_cast<std::int64_t>(ledger.all.size()) + 1;
  store::UsageRow row{.request = {ulid(static_cast<unsigned char>(100 + seq))},
                      .tenant = kAurora,
                      .project = kWeb,
                      .key = key_id("AAAAAAAAAAAA")};
  row.model = "plus";
  row.engine = "gpu1";
  row.currency = "EUR";
  row.price_version = "p-000000000001";
  row.seq = seq;
  row.booked_at = at(booked);
  row.opened_at = row.booked_at - std::chrono::seconds(2);
  row.settlement.settled_at = row.booked_at;
  row.settlement.counts = {.prompt = prompt, .generated = generated, .delivered = generated};
  row.charge.cost_micro = cost_micro;
  ledger.all.push_back(std::move(row));
  return ledger.all.back();
}

}  // namespace sovmesh::control

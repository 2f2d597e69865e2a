#pragma once

#include <string>

#include "base/ids.h"
#include "metering/price.h"
#include "metering/usage.h"
#include "store/control_store.h"

// What every fixture under tests/upgrade/data holds, whatever its schema. Only add to it: old
// fixtures are never written again, so a check of something new starts with the fixture that has
// it.
namespace sovmesh::upgrade {

inline const TenantId kTenant{Ulid::from_bytes({1, 0x9a, 1})};
inline const ProjectId kProject{Ulid::from_bytes({1, 0x9a, 2})};
inline const ModelId kModel{Ulid::from_bytes({1, 0x9a, 3})};
inline const EngineId kEngine{Ulid::from_bytes({1, 0x9a, 4})};
inline const RequestId kSettled{Ulid::from_bytes({1, 0x9a, 5})};
inline const RequestId kLeftOpen{Ulid::from_bytes({1, 0x9a, 6})};
inline const store::LimitId kLimit{Ulid::from_bytes({1, 0x9a, 7})};
// Since schema 5 of control.db.
inline const access::UserId kUser{Ulid::from_bytes({1, 0x9a, 8})};
inline const access::MembershipId kMembership{Ulid::from_bytes({1, 0x9a, 9})};
// Since schema 7 of control.db.
inline const store::WebhookId kWebhook{Ulid::from_bytes({1, 0x9a, 10})};
inline const std::string kKey = "abcdefghijkl";
inline const std::string kValueName = "digest_key/01";
inline const std::string kValue{"\0\1\2", 3};
inline constexpr WallTime kOpenedAt{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25)};

// Since schema 3 of ledger.db.
inline metering::PriceTerms price_terms() {
  return {.model = "tiny",
          .currency = "EUR",
          .label = "first",
          .call = 5,
          .input = 1'000'000,
          .cached_input = 500'000,
          .output = 3'000'000,
          .output_ns = 2'000'000,
          .milliwatts = 100'000};
}
// Of the row that was left open.
inline metering::Idempotency idempotency_key() {
  metering::Idempotency key;
  key.key.fill(3);
  key.body.fill(4);
  return key;
}

}  // namespace sovmesh::upgrade

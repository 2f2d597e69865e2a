#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "gateway/record.h"
#include "http/head.h"
#include "identity/authenticator.h"
#include "metering/usage.h"
#include "store/ledger.h"

namespace sovmesh::gateway {

// The digests of a request's Idempotency-Key and body, under the tenant's key; nothing without the
// header. Code::invalid_value for a key that is none.
Result<std::optional<metering::Idempotency>> read_idempotency(const http::RequestHead& head,
                                                              std::string_view body,
                                                              const identity::Caller& caller);

// A request's hold on its Idempotency-Key until its intent has it. A request that fails before
// frees the key.
class IdempotencyClaim {
 public:
  // An error when the key is taken: 409 while that request runs, 400 when it is over.
  static Result<IdempotencyClaim> take(store::Ledger& ledger,
                                       const std::optional<metering::Idempotency>& key,
                                       const RequestRecord& record);
  IdempotencyClaim(IdempotencyClaim&& other) noexcept
      : ledger_(std::exchange(other.ledger_, nullptr)),
        key_(other.key_),
        tenant_(other.tenant_),
        request_(other.request_) {}
  IdempotencyClaim& operator=(IdempotencyClaim&&) = delete;
  ~IdempotencyClaim() {
    if (ledger_ != nullptr) ledger_->unclaim(tenant_, key_, request_);
  }
  // From now on it is the intent's.
  void hand_over() { ledger_ = nullptr; }

 private:
  IdempotencyClaim() = default;
  store::Ledger* ledger_ = nullptr;  // null: nothing is claimed
  metering::Idempotency key_;
  TenantId tenant_;
  RequestId request_;
};

}  // namespace sovmesh::gateway

#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "gateway/record.h"
#include "http/head.h"
#include "identity/authenticator.h"
#include "llmapi/request.h"
#include "metering/usage.h"
#include "store/ledger.h"

namespace sovmesh::gateway {

// The digests of a request's Idempotency-Key and of what it asks for, whether as a stream or not,
// under the tenant's key; nothing without the header. Code::invalid_value for a key that is none.
Result<std::optional<metering::Idempotency>> read_idempotency(const http::RequestHead& head,
                                                              const llmapi::Request& request,
                                                              const identity::Caller& caller);
// The request with this key is over, and its answer is not kept.
Error is_over(const store::ClaimResult& earlier);

// A request's hold on its Idempotency-Key until its intent has it. A request that fails before
// frees the key.
class IdempotencyClaim {
 public:
  // An error while the key's request runs (409) or when it came with another one before (400).
  static Result<IdempotencyClaim> take(store::Ledger& ledger,
                                       const std::optional<metering::Idempotency>& key,
                                       const RequestRecord& record);
  IdempotencyClaim(IdempotencyClaim&& other) noexcept
      : ledger_(std::exchange(other.ledger_, nullptr)),
        key_(other.key_),
        tenant_(other.tenant_),
        request_(other.request_),
        earlier_(other.earlier_) {}
  IdempotencyClaim& operator=(IdempotencyClaim&& other) noexcept {
    std::swap(ledger_, other.ledger_);
    std::swap(key_, other.key_);
    std::swap(tenant_, other.tenant_);
    std::swap(request_, other.request_);
    std::swap(earlier_, other.earlier_);
    return *this;
  }
  ~IdempotencyClaim() {
    if (ledger_ != nullptr) ledger_->unclaim(tenant_, key_, request_);
  }
  // The request that is over and has the key: nothing is claimed, and nothing may run.
  const std::optional<store::ClaimResult>& earlier() const { return earlier_; }
  // From now on it is the intent's.
  void hand_over() { ledger_ = nullptr; }

 private:
  IdempotencyClaim() = default;
  store::Ledger* ledger_ = nullptr;  // null: nothing is claimed
  metering::Idempotency key_;
  TenantId tenant_;
  RequestId request_;
  std::optional<store::ClaimResult> earlier_;
};

}  // namespace sovmesh::gateway

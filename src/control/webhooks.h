#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"
#include "control/event_log.h"
#include "identity/authenticator.h"
#include "store/control_store.h"

// Webhooks of the admin API: what is kept of their secrets, what is told of their deliveries, and
// what a delivery says.
namespace sovmesh::control {

// "whsec_" and the base64 of 32 bytes by chance.
Secret new_webhook_secret(Random& random);
// Into the record: AES-256-GCM under a key made of the newest pepper, bound to the webhook's id.
// Whoever has control.db alone cannot sign. Code::internal_error: there is no pepper.
Result<void> seal_webhook_secret(store::WebhookRecord& webhook, const Secret& secret,
                                 const identity::Authenticator& authenticator, Random& random);
// Nothing when the pepper has become another one, or is not there.
std::optional<Secret> open_webhook_secret(const store::WebhookRecord& webhook,
                                          const identity::Authenticator& authenticator);

// What came of a webhook's deliveries, since the process began.
struct WebhookReport {
  std::uint64_t delivered = 0;
  std::uint64_t retried = 0;  // attempts that failed
  std::uint64_t dropped = 0;  // given up, or no room
  std::size_t waiting = 0;
  std::optional<int> last_status;  // of the latest attempt
  std::optional<std::string> last_error;
  std::optional<WallTime> last_at;
  friend bool operator==(const WebhookReport&, const WebhookReport&) = default;
};

// What the admin API asks whoever delivers. Any thread.
struct WebhookDesk {
  // The URL as it will be called: an error of the caller when that is not allowed. Empty: nobody
  // delivers, so that none can be made.
  std::function<Result<std::string>(std::string_view url)> take_url = {};
  std::function<WebhookReport(store::WebhookId)> report = {};
  // Queues an event "webhook.test" for this one, whose owner is `tenant`. Never waits.
  std::function<void(store::WebhookId, std::optional<Event::Tenant> tenant)> test = {};
};

// The body of a delivery.
std::string webhook_body(const EventLog::Noted& noted);

// By id, or, of the platform's, by name. Code::not_found otherwise.
Result<store::WebhookRecord> find_webhook(const store::ControlData& data, std::string_view name);

}  // namespace sovmesh::control

#include "control/webhooks.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "base/bytes.h"
#include "base/seal.h"
#include "control/admin_objects.h"
#include "control/json_text.h"

namespace sovmesh::control {
namespace {

constexpr std::size_t kSecretBytes = 32;
// No key has a text like this one, so what it gives is nobody's HMAC.
constexpr std::string_view kSealKeyOf = "sovmesh/webhook-secrets/1";

std::optional<SecretBytes> seal_key(const identity::Authenticator& authenticator,
                                    std::int32_t pepper_id) {
  const auto key = authenticator.pepper_hmac(pepper_id, kSealKeyOf);
  static_assert(std::tuple_size_v<Digest> == kSealKeyBytes);
  if (!key) return std::nullopt;
  return SecretBytes::copy_of(*key);
}

std::string context_of(const store::WebhookRecord& webhook) {
  return "webhook/" + webhook.id.value.text();
}

}  // namespace

Secret new_webhook_secret(Random& random) {
  const SecretBytes bytes = SecretBytes::random(kSecretBytes, random);
  return Secret("whsec_" + to_base64(bytes.reveal()));
}

Result<void> seal_webhook_secret(store::WebhookRecord& webhook, const Secret& secret,
                                 const identity::Authenticator& authenticator, Random& random) {
  webhook.pepper_id = authenticator.newest_pepper();
  const auto key = seal_key(authenticator, webhook.pepper_id);
  if (!key) return our_error(Code::internal_error, "there is no pepper to seal a secret with");
  webhook.secret = seal(*key, secret.reveal(), context_of(webhook), random);
  return {};
}

std::optional<Secret> open_webhook_secret(const store::WebhookRecord& webhook,
                                          const identity::Authenticator& authenticator) {
  const auto key = seal_key(authenticator, webhook.pepper_id);
  if (!key) return std::nullopt;
  const auto opened = open_sealed(*key, webhook.secret, context_of(webhook));
  if (!opened) return std::nullopt;
  return Secret(std::string(opened->reveal_text()));
}

std::string webhook_body(const EventLog::Noted& noted) {
  const Event& event = noted.event;
  JsonText data;
  data.text("id", std::to_string(noted.id))
      .text("severity", name(event.severity))
      .text("subject", std::string_view(event.subject))
      .text_or_null("tenant", event.tenant ? std::optional(event.tenant->slug) : std::nullopt)
      .text("text", std::string_view(event.text))
      .raw("data", event.data);
  return JsonText()
      .text("type", std::string_view(event.kind))
      .time("timestamp", noted.at)
      .raw("data", data.end())
      .end();
}

Result<store::WebhookRecord> find_webhook(const store::ControlData& data, std::string_view name) {
  std::vector<std::string> known;
  for (const store::WebhookRecord& webhook : data.webhooks) {
    if (webhook.id.value.text() == name || (!webhook.tenant && webhook.name == name))
      return webhook;
    known.push_back(webhook.tenant ? fmt::format("{} ({}/{})", webhook.id.value.text(),
                                                 slug_of(data, *webhook.tenant), webhook.name)
                                   : webhook.name);
  }
  return no_such("webhook", name, known);
}

}  // namespace sovmesh::control

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <optional>
#include <utility>

#include "compose/data.h"
#include "compose/process.h"
#include "control/rollout_json.h"

// Who is told of what happens, outside of this machine.
namespace sovmesh::compose {
namespace {

constexpr std::chrono::milliseconds kBudgetLook{1'000};  // for crossed thresholds

Result<webhook::Allowed> at_allowed(const config::Webhooks& wanted, Result<webhook::Allowed> made) {
  return made ? std::move(made) : fail(std::move(made).error().in_context(wanted.position.text()));
}

using Tls = std::shared_ptr<const rt::TlsClientContext>;

// For all of them; nothing where none needs it.
Result<Tls> tls_for(const config::Webhooks& wanted, const webhook::Allowed& allowed) {
  const std::initializer_list<const std::optional<config::Webhook>*> hooks{
      &wanted.budget_events, &wanted.audit_checkpoints, &wanted.rollout_events};
  const bool is_needed = allowed.has_https() || std::ranges::any_of(hooks, [](const auto* hook) {
                           return *hook && webhook::is_https((*hook)->url);
                         });
  if (!is_needed) return Tls();
  auto made = webhook::client_context();
  return made ? std::move(made) : fail(std::move(made).error().in_context("webhooks"));
}

webhook::Target target_of(const config::Webhook& hook, const Tls& tls) {
  return {.url = hook.url, .secret = hook.secret, .tls = tls};
}

}  // namespace

Result<void> Process::make_webhooks() {
  const config::Webhooks& wanted = options_.config.webhooks;
  Worker& first = *workers_.front();
  const auto at = [](const config::Webhook& hook, auto made) {
    return made ? std::move(made) : fail(std::move(made).error().in_context(hook.position.text()));
  };
  TRY(webhook::Allowed allowed, at_allowed(wanted, webhook::Allowed::make(wanted.allowed)));
  TRY(const Tls tls, tls_for(wanted, allowed));
  if (const auto& hook = wanted.budget_events) {
    TRY(budget_webhook_, at(*hook, webhook::Sender::make(target_of(*hook, tls), first.loop(),
                                                         first.upstream(), *random_)));
    count_deliveries("budget_events", [this] { return budget_webhook_->stats(); });
  }
  if (const auto& hook = wanted.audit_checkpoints) {
    TRY(checkpoint_webhook_,
        at(*hook, CheckpointWebhook::make(target_of(*hook, tls), data_->audit(), *pool_,
                                          first.loop(), first.upstream(), *random_)));
    count_deliveries("audit_checkpoints", [this] { return checkpoint_webhook_->stats(); });
  }
  if (const auto& hook = wanted.rollout_events) {
    TRY(rollout_webhook_, at(*hook, EventWebhook::make(target_of(*hook, tls), first.loop(),
                                                       first.upstream(), *random_)));
    count_deliveries("rollout_events", [this] { return rollout_webhook_->stats(); });
  }
  webhook_hub_ = std::make_unique<WebhookHub>(WebhookHub::Parts{.records = publisher_->webhooks(),
                                                                .events = *events_,
                                                                .authenticator = *authenticator_,
                                                                .allowed = std::move(allowed),
                                                                .loop = first.loop(),
                                                                .pool = first.upstream(),
                                                                .random = *random_,
                                                                .tls = tls});
  count_deliveries("api", [this] { return webhook_hub_->stats(); });  // all of them together
  return {};
}

void Process::start_webhooks() {
  Worker& first = *workers_.front();
  rt::Event& stopping = first.tasks().cancelled();
  first.spawn(tell_budget_events());
  if (budget_webhook_) first.spawn(budget_webhook_->run(stopping));
  if (checkpoint_webhook_) {
    first.spawn(checkpoint_webhook_->run(stopping));
    first.spawn(checkpoint_webhook_->deliver(stopping));
  }
  if (rollout_webhook_) {
    first.spawn(rollout_webhook_->run(stopping));
    first.spawn(rollout_webhook_->deliver(stopping));
  }
  first.spawn(webhook_hub_->run(stopping));
}

void Process::count_deliveries(std::string_view webhook,
                               std::function<webhook::Sender::Stats()> stats) {
  auto& deliveries =
      registry_.totals("sm_webhook_deliveries_total", "Webhook deliveries by what came of them.",
                       {"webhook", "outcome"});
  registry_.on_render([&deliveries, stats = std::move(stats), name = std::string(webhook)] {
    const webhook::Sender::Stats now = stats();
    deliveries.with({name, "delivered"}).set(static_cast<double>(now.delivered));
    deliveries.with({name, "retried"}).set(static_cast<double>(now.retried));
    deliveries.with({name, "dropped"}).set(static_cast<double>(now.dropped));
  });
}

// Whoever pays is told when a budget comes to its end: in the log, and by the webhook.
rt::Task<void> Process::tell_budget_events() {
  Worker& first = *workers_.front();
  for (;;) {
    const rt::Until next{first.loop().in(kBudgetLook), &first.tasks().cancelled()};
    if (!co_await rt::sleep(first.loop(), next)) co_return;
    for (Budgets::Event& event : budgets_->take_events()) {
      log_->say(observe::Level::info, "budget", event.json);
      note_threshold(event.crossed);
      if (budget_webhook_) budget_webhook_->send(std::move(event.json));
    }
  }
}

// Called by whoever changes a rollout, on any thread.
void Process::note_rollout(const rollout::Rollout& rollout, std::string_view what) const {
  note_event({.kind = fmt::format("rollout.{}", what),
              .severity = rollout.state == rollout::State::rolled_back ? control::Severity::warning
                                                                       : control::Severity::info,
              .subject = fmt::format("rollouts/{}", rollout.plan.route.text()),
              .text = rollout.events.back().text});
  if (rollout_webhook_) rollout_webhook_->note(control::rollout_event(rollout, what));
}

}  // namespace sovmesh::compose

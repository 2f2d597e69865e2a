#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "gateway/completion.h"
#include "gateway/mirror.h"

// Other models take the place of a route's version whose engines fail.
namespace sovmesh::gateway {
namespace {

// What the version failed at counts against it in a comparison; who answers in its place does not.
void leave_version(RequestRecord& record) {
  if (record.tally) record.tally->add({.by_candidate = record.is_candidate, .failed = true});
  record.tally.reset();
}

// As its digest is for the first model.
Digest digest_for(const Digest& body, const catalog::Model& model) {
  std::string text(body.begin(), body.end());
  return sha256(text += model.name.text());
}

std::string reason_of(const catalog::Route& route, const catalog::Model& failed,
                      const Error& error) {
  return fmt::format("{} falls back, because {} failed: {}", route.name.text(), failed.name.text(),
                     name(error.code()));
}

// What in a plan is of its model; the rest is of the request.
void swap_model(Plan& a, Plan& b) {
  std::swap(a.model, b.model);
  std::swap(a.engines, b.engines);
  std::swap(a.request, b.request);
  std::swap(a.body_size, b.body_size);
  std::swap(a.upstream_stream, b.upstream_stream);
  std::swap(a.rates, b.rates);
  std::swap(a.times, b.times);
  std::swap(a.why, b.why);
}

}  // namespace

void CompletionService::note_choice(const ChosenModel& chosen, Plan& plan,
                                    RequestRecord& record) const {
  if (chosen.route == nullptr) return;
  plan.has_fallbacks = !chosen.route->fallbacks.empty();
  // A second engine call is what an Idempotency-Key is there to prevent.
  const bool may_copy =
      services_.mirrors != nullptr && chosen.route->mirror && chosen.choice && !plan.idempotency;
  if (may_copy) plan.mirror = mirror_of(*record.caller, chosen, mirror_draw(record.id));
  if (!chosen.choice) record.stand_in = RequestRecord::StandIn::unhealthy;
  if (services_.decisions == nullptr) return;
  plan.why = chosen.choice ? catalog::reason(*chosen.route, *chosen.choice)
                           : fmt::format("{} falls back, because its version is not healthy",
                                         chosen.route->name.text());
}

rt::Task<Result<void>> CompletionService::take_seat(Ask ask, Seat left) const {
  Result<Seat> seat =
      co_await this->seat(ask.exchange, ask.plan, nullptr, ask.record, std::move(left));
  if (!seat && seat.error().code() == Code::no_healthy_backend)
    co_return co_await fall_back(ask, std::move(seat).error());
  if (!seat) co_return fail(std::move(seat).error());
  ask.seat = *std::move(seat);
  co_return Result<void>();
}

rt::Task<Result<void>> CompletionService::fall_back(Ask ask, Error failed) const {
  RequestRecord& record = ask.record;
  if (!ask.plan.has_fallbacks) co_return fail(std::move(failed));
  const RequestRecord::StandIn was_for = record.stand_in;
  const std::string why = reason_of(*record.route, *record.model, failed);
  const auto rollouts = services_.rollouts ? services_.rollouts->get() : nullptr;
  const auto instead = fallbacks_of(*record.caller, *record.route, ask.exchange.head(),
                                    services_.engines, rollouts.get());
  for (const catalog::Model* const next : instead) {
    if (std::ranges::find(ask.plan.tried, next) != ask.plan.tried.end()) continue;
    const auto delay = delay_before(ask, 1);
    if (!delay) break;
    Result<Plan> before = change_model(ask, *next, why);
    if (!before) continue;
    Result<void> seated = co_await change_seat(ask, *delay, nullptr);
    if (seated) leave_version(record);
    if (seated || seated.error().code() == Code::client_closed) co_return seated;
    // It was not asked, so the request is what it was.
    swap_model(ask.plan, *before);
    (void)admit_anew(ask, ask.plan);
    record.stand_in = was_for;
  }
  if (ask.attempts.made() > 1) failed = std::move(failed).with_should_retry(false);
  co_return fail(std::move(failed));
}

Result<Plan> CompletionService::change_model(const Ask& ask, const catalog::Model& next,
                                             std::string_view why) const {
  Plan& plan = ask.plan;
  plan.tried.push_back(&next);
  Plan changed;
  plan.request.body.resize(plan.body_size);  // without what another engine was told
  TRY(changed.request, llmapi::parse_again(plan.request, policy_of(next)));
  TRY_VOID(plan_engines(changed, next, services_.engines));
  if (!ask.attempts.take_fallback(changed.engines, digest_for(plan.body_digest, next)))
    return fail(Error(Code::upstream_error, Blame::upstream, "its engines get no more for now"));
  TRY_VOID(admit_anew(ask, changed));
  ask.record.stand_in = RequestRecord::StandIn::failed;
  changed.body_size = changed.request.body.size();
  changed.upstream_stream = changed.upstream_stream || may_run_dry(changed.request, ask.admission);
  changed.rates = rates_of(ask.admission.price().get());
  changed.times = times_of({.model = &next, .route = ask.record.route, .choice = {}},
                           changed.request.prompt_tokens_estimate);
  changed.why = why;
  swap_model(plan, changed);
  return changed;
}

// What is held of limits becomes what it takes of them as a request to the next model: by its
// price, in its pool. An error: that is too much, and what was held is held again.
Result<void> CompletionService::admit_anew(const Ask& ask, const Plan& next) const {
  RequestRecord& record = ask.record;
  const WallTime now = services_.clock.wall_now();
  const auto reserve = [&](const Plan& plan) -> Result<void> {
    record.model = plan.model;
    TRY(ask.admission, admit(services_.tariff, plan.request, plan.model->engine, record, now));
    return {};
  };
  ask.admission = Admission();  // else a limit of one at a time would refuse it for itself
  Result<void> reserved = reserve(next);
  if (!reserved) (void)reserve(ask.plan);
  return reserved;
}

}  // namespace sovmesh::gateway

#include "gateway/admission.h"

#include <algorithm>

#include "limits/lease.h"

namespace sovmesh::gateway {
namespace {

constexpr std::int64_t kLeastOutput = 16;  // tokens for which an answer is worth to be begun

// What so many tokens take of each limit.
limits::Amounts amounts_of(const metering::Price* price, std::int64_t input, std::int64_t output,
                           std::int64_t characters) {
  metering::Usage usage;
  usage.counts = {.prompt = input, .generated = output};
  usage.characters = characters;
  const metering::Held held =
      price == nullptr ? metering::Held{} : metering::held_for(*price, usage);
  return {.input_tokens = input,
          .output_tokens = output,
          .money_micro = held.cost_micro,
          .gpu_microseconds = held.gse_us};
}

limits::Subject subject_of(const identity::Caller& caller, const std::string& engine,
                           std::string_view model, bool priced) {
  return {.key = caller.key().id,
          .user = caller.key().owner ? std::string_view(*caller.key().owner) : std::string_view(),
          .project = caller.project().id,
          .project_name = caller.project().slug.text(),
          .tenant = caller.tenant().id,
          .tenant_name = caller.tenant().slug.text(),
          .pool = caller.directory().pool_of(engine),
          .model = model,
          .priced = priced};
}

// Of all answers together. Embeddings have no output.
std::int64_t output_of(const Tariff& tariff, const llmapi::Request& request,
                       const RequestRecord& record) {
  if (request.operation == llmapi::Operation::embeddings) return 0;
  const auto answers = static_cast<std::int64_t>(request.inputs) * request.candidates;
  const std::int64_t usual =
      request.output_max
          ? 0
          : tariff.estimates.estimate(record.caller->tenant().id, record.model_name());
  return answers * limits::output_to_reserve(request.output_max, usual);
}

}  // namespace

Result<void> Admission::cover(const metering::Counts& so_far, WallTime now) {
  if (!is_limited()) return {};
  const auto amounts = [this](std::int64_t input, std::int64_t output) {
    return amounts_of(price_.get(), input, output, characters_);
  };
  return limits::cover(*reservation_, so_far.prompt, so_far.generated, amounts, now);
}

void Admission::settle(const metering::Counts& counts, const metering::Charge& charge,
                       WallTime now) {
  if (!reservation_ || !reservation_->is_open()) return;
  reservation_->settle({.input_tokens = counts.prompt,
                        .output_tokens = counts.generated,
                        .money_micro = charge.cost_micro,
                        .gpu_microseconds = charge.gse_us},
                       now);
}

metering::Charge Admission::charge(const metering::Settlement& settlement,
                                   std::chrono::nanoseconds open_for) const {
  metering::Usage usage;
  usage.counts = settlement.counts;
  usage.finish = settlement.finish;
  usage.characters = characters_;
  usage.open_for = std::chrono::duration_cast<std::chrono::microseconds>(open_for);
  return metering::charge_of(price_.get(), usage, metering::power_model());
}

bool may_run_dry(const llmapi::Request& request, const Admission& admission) {
  return admission.is_limited() && !request.output_max &&
         request.operation != llmapi::Operation::embeddings;
}

Result<Admission> admit(const Tariff& tariff, const llmapi::Request& request,
                        const std::string& engine, RequestRecord& record, WallTime now) {
  const identity::Caller& caller = *record.caller;
  const auto prices = tariff.prices.get();
  auto price = prices->find(record.model_name(), caller.tenant().currency, now);
  // A route without a price of its own costs what its versions cost.
  if (!price && record.route != nullptr)
    price = prices->find(record.model->name.text(), caller.tenant().currency, now);
  const auto characters = static_cast<std::int64_t>(request.prompt_characters);
  const limits::Subject who = subject_of(caller, engine, record.model_name(), price != nullptr);
  const std::int64_t output = output_of(tariff, request, record);
  std::optional<limits::Headers> standing;
  const auto reserve = [&](std::int64_t output_tokens) {
    return tariff.limiter.reserve(
        who, amounts_of(price.get(), request.prompt_tokens_estimate, output_tokens, characters),
        now, &standing);
  };
  Result<limits::Reservation> reservation = reserve(output);
  // An answer of unknown length may be shorter than usual: what is left of a budget is given, and
  // the answer ends where it ends. A rate is new in a moment, which is better than half an answer.
  if (!reservation && !request.output_max && output > kLeastOutput &&
      reservation.error().code() == Code::insufficient_quota) {
    reservation = reserve(kLeastOutput);
  }
  if (standing) record.limits = std::make_unique<const limits::Headers>(*std::move(standing));
  if (!reservation) return fail(std::move(reservation).error());
  return Admission(*std::move(reservation), std::move(price), characters);
}

}  // namespace sovmesh::gateway

#include "limits/refusal.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/time_text.h"

namespace sovmesh::limits {
namespace {

using std::chrono::milliseconds;

std::string_view unit_of(Measure measure) {
  switch (measure) {
    case Measure::requests:
      return "requests";
    case Measure::input_tokens:
      return "input tokens";
    case Measure::output_tokens:
      return "output tokens";
    case Measure::total_tokens:
      return "tokens";
    case Measure::concurrency:
      return "concurrent requests";
    case Measure::money_micro:
      return "cost in millionths";
    case Measure::gpu_microseconds:
      return "GPU microseconds";
  }
  return {};
}

// "RPM", "ITPD", as OpenAI abbreviates; nothing for what it has no letters for.
std::string letters(Measure measure, Window window) {
  std::string text;
  switch (measure) {
    case Measure::requests:
      text = "R";
      break;
    case Measure::input_tokens:
      text = "IT";
      break;
    case Measure::output_tokens:
      text = "OT";
      break;
    case Measure::total_tokens:
      text = "T";
      break;
    default:
      return {};
  }
  switch (window) {
    case Window::second:
      return text + "PS";
    case Window::minute:
      return text + "PM";
    case Window::hour:
      return text + "PH";
    case Window::day:
      return text + "PD";
    default:
      return {};
  }
}

// "requests per min (RPM)"
std::string rate_text(Measure measure, Window window) {
  std::string text(unit_of(measure));
  if (window == Window::lifetime) return text + " in total";
  text += " per ";
  text += window == Window::minute ? "min" : name(window);
  if (const std::string abbreviated = letters(measure, window); !abbreviated.empty())
    text += fmt::format(" ({})", abbreviated);
  return text;
}

Error::Unit type_of(Measure measure) {
  const bool counts_requests = measure == Measure::requests || measure == Measure::concurrency;
  return counts_requests ? Error::Unit::requests : Error::Unit::tokens;
}

// No time to come back is the honest one when waiting does not help: it would be an invention.
std::string why_never(const Refusal& refusal) {
  if (refusal.never_fits()) return R"("never":"fits")";
  if (refusal.window == Window::lifetime) return R"("never":"resets")";
  return {};
}

Error::Details details_of(const Refusal& refusal) {
  // What a pool has and uses is not for one of its members to see.
  const bool shared = refusal.kind == Scope::pool;
  return {.scope = refusal.scope,
          .limit = shared ? std::nullopt : std::optional(refusal.amount),
          .reset_at = refusal.free_at,
          .unit = type_of(refusal.measure),
          .more = why_never(refusal)};
}

std::string numbers(const Refusal& refusal) {
  if (refusal.kind == Scope::pool) return {};
  if (refusal.never_fits())
    return fmt::format(": Limit {}, Requested {}", refusal.amount, refusal.wanted);
  return fmt::format(": Limit {}, Used {}, Requested {}", refusal.amount, refusal.taken,
                     refusal.wanted);
}

Error concurrency_error(const Refusal& refusal, std::string_view model) {
  std::string message = fmt::format(
      "Concurrency limit reached for {}{}. Please try again when another request has ended.", model,
      numbers(refusal));
  return Error(Code::concurrency_limit_exceeded, Blame::client, std::move(message))
      .with_details(details_of(refusal));
}

Error unpriced_error(const Refusal& refusal, std::string_view model) {
  std::string message = fmt::format(
      "{} has a limit of money, and the model {} has no price in its currency, so nobody knows "
      "what this request would take of it. The operator must set a price (per_call: 0 when it is "
      "free).",
      refusal.scope, model);
  return Error(Code::insufficient_quota, Blame::client, std::move(message))
      .with_details({.scope = refusal.scope, .limit = refusal.amount})
      .with_should_retry(false);
}

Error quota_error(const Refusal& refusal, milliseconds wait, std::string_view model) {
  std::string message = fmt::format("You exceeded your current quota for {} on {}{}.", model,
                                    rate_text(refusal.measure, refusal.window), numbers(refusal));
  if (refusal.never_fits()) {
    message += " This request never fits.";
  } else if (refusal.free_at) {
    message += fmt::format(" It is renewed at {}.", to_rfc3339(*refusal.free_at));
  }
  Error error = Error(Code::insufficient_quota, Blame::client, std::move(message))
                    .with_details(details_of(refusal))
                    .with_should_retry(false);
  if (!refusal.free_at || refusal.never_fits()) return error;
  return std::move(error).with_retry_after(wait);
}

}  // namespace

bool Refusal::is_quota() const { return measure == Measure::money_micro || window >= Window::day; }

bool Refusal::outranks(const Refusal& other) const {
  if (unpriced != other.unpriced) return unpriced;
  if (is_quota() != other.is_quota()) return is_quota();
  if (never_fits() != other.never_fits()) return never_fits();
  const auto when = [](const Refusal& refusal) {
    if (refusal.free_at) return *refusal.free_at;
    // A lifetime never ends; a place among those that run may be free at any moment.
    return refusal.measure == Measure::concurrency ? WallTime::min() : WallTime::max();
  };
  return when(*this) > when(other);
}

Error to_error(const Refusal& refusal, std::string_view model, WallTime now) {
  if (refusal.full)
    return {Code::overloaded, Blame::us, "More callers are active than limits can be kept for."};
  if (refusal.unpriced) return unpriced_error(refusal, model);
  if (refusal.measure == Measure::concurrency) return concurrency_error(refusal, model);
  // Rounded up: a client that waits for exactly this long must not come too early.
  const milliseconds wait =
      refusal.free_at ? std::max(std::chrono::ceil<milliseconds>(*refusal.free_at - now), {})
                      : milliseconds(0);
  if (refusal.is_quota()) return quota_error(refusal, wait, model);
  const std::string rate = rate_text(refusal.measure, refusal.window);
  if (refusal.never_fits()) {
    return Error(Code::rate_limit_exceeded, Blame::client,
                 fmt::format("Request too large for {} on {}{}.", model, rate, numbers(refusal)))
        .with_details(details_of(refusal))
        .with_should_retry(false);
  }
  return Error(Code::rate_limit_exceeded, Blame::client,
               fmt::format("Rate limit reached for {} on {}{}. Please try again in {}.", model,
                           rate, numbers(refusal), to_go_duration(wait)))
      .with_details(details_of(refusal))
      .with_retry_after(wait);
}

}  // namespace sovmesh::limits

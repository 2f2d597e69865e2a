#include "limits/limit.h"

#include <array>
#include <utility>

#include "base/append.h"

namespace sovmesh::limits {
namespace {

using namespace std::chrono_literals;

// In the order of the enums.
constexpr std::array<std::string_view, kScopes> kScopeNames = {"key", "user", "project", "tenant",
                                                               "pool"};
constexpr std::array<std::string_view, kMeasures> kMeasureNames = {
    "requests",    "input_tokens", "output_tokens",    "total_tokens",
    "concurrency", "money_micro",  "gpu_microseconds",
};
constexpr std::array<std::string_view, 7> kWindowNames = {"none", "second", "minute",  "hour",
                                                          "day",  "month",  "lifetime"};
constexpr std::array<std::string_view, 2> kAlignmentNames = {"calendar", "rolling"};

constexpr std::size_t kNameMax = 256;

template <class Enum, std::size_t N>
std::optional<Enum> parse(const std::array<std::string_view, N>& names, std::string_view text) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == text) return static_cast<Enum>(i);
  return std::nullopt;
}

std::unexpected<Error> wrong(std::string_view field, std::string_view why) {
  std::string message;
  append_all(message, field, std::string_view(": "), why);
  return fail(Error(Code::config_invalid, Blame::client, std::move(message))
                  .with_param(std::string(field)));
}

Result<void> check_window(const Limit& limit) {
  if (limit.measure == Measure::concurrency) {
    if (limit.window != Window::none)
      return wrong("window", "concurrency is a number at any moment; it has no window");
    if (limit.alignment != Alignment::calendar)
      return wrong("alignment", "concurrency has no window that could roll");
    return {};
  }
  if (limit.window == Window::none)
    return wrong("window", "want second, minute, hour, day, month or lifetime");
  if (limit.alignment == Alignment::calendar) return {};
  if (limit.window == Window::lifetime) return wrong("alignment", "a lifetime does not roll");
  if (limit.window == Window::month)
    return wrong("alignment",
                 "months differ in length, so none can roll; want \"calendar\", or a rolling day");
  return {};
}

bool has_calendar(const Limit& limit) {
  return limit.alignment == Alignment::calendar && limit.window >= Window::minute &&
         limit.window <= Window::month;
}

}  // namespace

std::string_view name(Scope scope) { return kScopeNames[static_cast<std::size_t>(scope)]; }
std::string_view name(Measure measure) { return kMeasureNames[static_cast<std::size_t>(measure)]; }
std::string_view name(Window window) { return kWindowNames[static_cast<std::size_t>(window)]; }
std::string_view name(Alignment alignment) {
  return kAlignmentNames[static_cast<std::size_t>(alignment)];
}
std::optional<Scope> parse_scope(std::string_view text) { return parse<Scope>(kScopeNames, text); }
std::optional<Measure> parse_measure(std::string_view text) {
  return parse<Measure>(kMeasureNames, text);
}
std::optional<Window> parse_window(std::string_view text) {
  return parse<Window>(kWindowNames, text);
}
std::optional<Alignment> parse_alignment(std::string_view text) {
  return parse<Alignment>(kAlignmentNames, text);
}

std::string to_text(const Rate& rate) {
  std::string text(name(rate.measure));
  if (rate.window != Window::none) append_all(text, "/", name(rate.window));
  return text;
}

Result<Rate> parse_rate(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto measure = parse_measure(text.substr(0, slash));
  const auto window =
      slash == text.npos ? std::optional(Window::none) : parse_window(text.substr(slash + 1));
  const bool timeless = measure == Measure::concurrency;
  if (!measure || !window || timeless != (window == Window::none) ||
      (timeless && slash != text.npos))
    return client_error(Code::invalid_value,
                        "rate: want MEASURE/WINDOW, as in \"requests/minute\" or "
                        "\"output_tokens/day\", or \"concurrency\"");
  return Rate{.measure = *measure, .window = *window};
}

Result<ScopeName> parse_scope_name(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto scope = parse_scope(text.substr(0, colon));
  const std::string_view rest = colon == text.npos ? "" : text.substr(colon + 1);
  if (!scope || rest.empty() || rest.size() > kNameMax)
    return client_error(Code::invalid_value,
                        "scope: want KIND:NAME, as in \"tenant:aurora\", or KIND:* for each; "
                        "kinds are key, user, project, tenant, pool");
  return ScopeName{.scope = *scope, .name = std::string(rest)};
}

Result<void> validate(const Limit& limit) {
  if (limit.name.empty() || limit.name.size() > kNameMax)
    return wrong("name", "want 1 to 256 characters");
  if (limit.amount < 1)
    return wrong("amount", "want at least 1; to refuse everything, suspend the tenant or key");
  if (limit.amount > kAmountMax) return wrong("amount", "want at most 10^15");
  TRY_VOID(check_window(limit));
  if (!has_calendar(limit) && limit.zone != TimeZone::utc())
    return wrong("zone", "only calendar windows of a minute up to a month are by a zone's clock");
  return {};
}

std::string to_text(const Limit& limit) {
  std::string text = limit.target.text();
  append_all(text, " ", std::string_view(to_text(Rate{limit.measure, limit.window})));
  if (limit.alignment == Alignment::rolling) text += " rolling";
  if (limit.zone != TimeZone::utc()) append_all(text, " in ", limit.zone.name());
  if (!limit.model.empty()) append_all(text, " for ", std::string_view(limit.model));
  if (limit.shadow) text += " (shadow)";
  return text;
}

TimeZone::Period window_at(Window window, Alignment alignment, TimeZone zone, WallTime now) {
  if (alignment == Alignment::rolling) {
    const auto length = window == Window::second   ? 1s
                        : window == Window::minute ? std::chrono::seconds(1min)
                        : window == Window::hour   ? std::chrono::seconds(1h)
                                                   : std::chrono::seconds(24h);
    return {now - length, now};
  }
  switch (window) {
    case Window::second: {
      const auto begin = std::chrono::floor<std::chrono::seconds>(now);
      return {begin, begin + 1s};
    }
    case Window::minute:
      return zone.minute(now);
    case Window::hour:
      return zone.hour(now);
    case Window::day:
      return zone.day(now);
    case Window::month:
      return zone.month(now);
    case Window::none:
    case Window::lifetime:
      break;
  }
  return {WallTime::min(), WallTime::max()};
}

}  // namespace sovmesh::limits

std::size_t std::hash<sovmesh::limits::ScopeKey>::operator()(
    const sovmesh::limits::ScopeKey& key) const noexcept {
  std::size_t h = static_cast<std::size_t>(key.scope());
  for (std::size_t i = 8; i < 16; ++i)
    h = h * 31 + key.id().bytes()[i];
  return h ^ std::hash<std::string>{}(key.text()) * 0x9E3779B97F4A7C15ULL;
}

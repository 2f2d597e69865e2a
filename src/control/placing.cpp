#include "control/placing.h"

#include <fmt/format.h>

#include <cmath>

#include "control/json_text.h"
#include "control/report_text.h"

namespace sovmesh::control {
namespace {

std::int64_t micros(std::chrono::nanoseconds time) { return time.count() / 1'000; }
std::int64_t whole(double value) { return std::llround(value); }

std::string engine_json(const Placing::Engine& engine) {
  JsonText json;
  json.text("engine", std::string_view(engine.name)).text("verdict", engine.verdict);
  if (!engine.cost_us) return json.null("cost_us").end();
  JsonText parts;
  for (const Placing::Part& part : engine.parts)
    parts.number(part.name, whole(part.micros));
  return json.number("cost_us", whole(*engine.cost_us))
      .raw("parts_us", parts.end())
      .number("cached_tokens", engine.cached_tokens)
      .end();
}

std::string attempt_json(const Placing::Attempt& attempt) {
  JsonText json;
  json.text("version", std::string_view(attempt.version));
  attempt.why.empty() ? json.null("why") : json.text("why", std::string_view(attempt.why));
  attempt.engine.empty() ? json.null("engine")
                         : json.text("engine", std::string_view(attempt.engine));
  attempt.outcome.empty() ? json.null("outcome")
                          : json.text("outcome", std::string_view(attempt.outcome));
  json.number("waited_us", micros(attempt.waited));
  if (attempt.rule.empty()) return json.null("rule").end();
  std::vector<std::string> engines;
  for (const Placing::Engine& engine : attempt.engines)
    engines.push_back(engine_json(engine));
  return json.text("rule", attempt.rule)
      .text("pool", std::string_view(attempt.pool))
      .number("waiting_before_of_tenant", static_cast<std::int64_t>(attempt.tenant_before))
      .number("waiting_before", static_cast<std::int64_t>(attempt.pool_before))
      .raw("engines", json_list(engines))
      .end();
}

std::string_view in_words(std::string_view rule) {
  if (rule == "at_once") return "nobody had to wait for it";
  if (rule == "guaranteed") return "its tenant had less than is guaranteed to it";
  if (rule == "borrowed") return "its tenant had had least of what is shared, by weight";
  if (rule == "held") return "others had gone past it, so a place was held for it";
  if (rule == "late")
    return "it was too late for its pool's targets, and let others go first as long as it could";
  return "it got no turn";
}

std::string engine_text(const Placing::Engine& engine) {
  std::string out = fmt::format("    {:<16}{:<10}", printable(engine.name), engine.verdict);
  if (engine.cost_us) {
    out += fmt::format("{:.1f} ms:", *engine.cost_us / 1'000);
    for (const Placing::Part& part : engine.parts)
      out += fmt::format(" {} {:.1f}", part.name, part.micros / 1'000);
    if (engine.cached_tokens > 0) out += fmt::format("; {} tokens cached", engine.cached_tokens);
  }
  while (out.ends_with(' '))
    out.pop_back();
  return out + "\n";
}

std::string attempt_text(const Placing::Attempt& attempt) {
  std::string out = fmt::format("  {}: {}, after {:.1f} ms in the queue\n",
                                attempt.engine.empty() ? "no engine" : printable(attempt.engine),
                                attempt.outcome.empty() ? "at work" : attempt.outcome,
                                std::chrono::duration<double, std::milli>(attempt.waited).count());
  if (!attempt.why.empty()) out += fmt::format("    its version: {}\n", printable(attempt.why));
  out += fmt::format("    its turn: {}\n", in_words(attempt.rule));
  if (attempt.rule.empty()) return out;
  out += fmt::format("    when it came {} waited in the pool{}, {} of them of its tenant\n",
                     attempt.pool_before, attempt.pool.empty() ? "" : " " + printable(attempt.pool),
                     attempt.tenant_before);
  for (const Placing::Engine& engine : attempt.engines)
    out += engine_text(engine);
  return out;
}

}  // namespace

std::string placing_json(const Placing& placing) {
  std::vector<std::string> attempts;
  for (const Placing::Attempt& attempt : placing.attempts)
    attempts.push_back(attempt_json(attempt));
  return JsonText()
      .text("version", std::string_view(placing.version))
      .text("class", placing.priority)
      .raw("attempts", json_list(attempts))
      .end();
}

std::string placing_text(const Placing& placing) {
  std::string out = fmt::format("  class           {}\n", placing.priority);
  for (const Placing::Attempt& attempt : placing.attempts)
    out += attempt_text(attempt);
  return out + "  docs/waiting.md says what this means.\n";
}

}  // namespace sovmesh::control

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/time_text.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_body.h"
#include "control/rollout_json.h"
#include "control/rollouts.h"
#include "rollout/plan_text.h"

// The rollouts of the admin API.
namespace sovmesh::control {
namespace {

constexpr std::int64_t kSampleMax = 1'000'000;

// What a plan has that does not say so: a canary's usual way.
const std::vector<std::string> kUsualSteps{"1%:10m", "5%:10m", "25%:30m", "50%:30m"};
const std::vector<std::string> kUsualGates{"error_rate:1%", "refusal_rate:5%", "ttft:41%",
                                           "tpot:41%"};

Result<std::chrono::seconds> seconds_of(const std::optional<std::string>& text, const char* name,
                                        std::chrono::seconds otherwise) {
  if (!text) return otherwise;
  const auto duration = parse_duration(*text);
  if (duration && duration->count() % 1'000 == 0)
    return std::chrono::duration_cast<std::chrono::seconds>(*duration);
  return client_error(Code::invalid_value, "want whole seconds, as 30s or 5m", name);
}

std::string is_stable_already(const ModelName& version, const catalog::Route& route) {
  std::string text = fmt::format("{} is the stable version itself", version.text());
  if (version != route.stable().model) text += " since it was promoted";
  return text;
}

// The body of a start.
struct PlanFields {
  std::string route;
  std::string candidate;
  std::vector<std::string> steps;
  std::vector<std::string> gates;
  std::optional<std::string> decision_interval;
  std::optional<std::string> ready_within;
  std::int64_t sample_min = 200;
  std::int64_t design_effect = 2;

  static PlanFields read(JsonBody& body) {
    return {
        .route = body.required_text("route"),
        .candidate = body.required_text("candidate"),
        .steps = body.texts("steps").value_or(kUsualSteps),
        .gates = body.texts("gates").value_or(kUsualGates),
        .decision_interval = body.text("decision_interval"),
        .ready_within = body.text("ready_within"),
        .sample_min = body.number("sample_min", 1, kSampleMax).value_or(200),
        .design_effect = body.number("design_effect", 1, rollout::kDesignEffectMax).value_or(2)};
  }

  Result<rollout::Plan> plan(const identity::Directory& directory, const Rollouts& rollouts) const {
    TRY(ModelName name, ModelName::parse(route));
    TRY(ModelName to, ModelName::parse(candidate));
    const catalog::Route* const known = directory.models().route(name);
    if (known == nullptr) return no_such("route", route, route_names(directory), "route");
    rollout::Plan out{
        .route = std::move(name), .stable = rollouts.stable_of(*known), .candidate = std::move(to)};
    if (out.candidate == out.stable)
      return client_error(Code::invalid_value, is_stable_already(out.candidate, *known),
                          "candidate");
    for (const std::string& text : steps) {
      TRY(const rollout::Step step, rollout::parse_step(text));
      out.steps.push_back(step);
    }
    for (const std::string& text : gates) {
      TRY(rollout::Gate gate, rollout::parse_gate(text));
      gate.sample_min = sample_min;
      out.gates.push_back(gate);
    }
    TRY(out.decision_interval,
        seconds_of(decision_interval, "decision_interval", out.decision_interval));
    TRY(out.ready_within, seconds_of(ready_within, "ready_within", out.ready_within));
    out.design_effect = static_cast<int>(design_effect);
    return out;
  }
};

// The rules speak of a configuration; here a caller is wrong.
Error as_invalid_value(const Error& error) {
  if (error.code() != Code::config_invalid) return error;
  return Error(Code::invalid_value, Blame::client, std::string(error.message()))
      .with_param(std::string(error.param()));
}

std::optional<Rollouts::Act> act_of(std::string_view text) {
  if (text == "pause") return Rollouts::Act::pause;
  if (text == "resume") return Rollouts::Act::resume;
  if (text == "promote") return Rollouts::Act::promote;
  if (text == "abort") return Rollouts::Act::abort;
  return std::nullopt;
}

}  // namespace

Result<AdminReply> AdminApi::rollouts(Request& request) {
  if (parts_.rollouts == nullptr)
    return client_error(Code::unknown_url, "there is no such resource");
  Rollouts& rollouts = *parts_.rollouts;
  if (request.is("POST", 1)) return start_rollout(request);
  if (request.is("GET", 1)) {
    return page<rollout::Rollout>(
        request, rollouts.all(),
        [](const rollout::Rollout& one) { return std::string(one.plan.route.text()); },
        [&](const rollout::Rollout& one) {
          return shown_rollout(one, rollouts.last_reason(one.plan.route), false);
        });
  }
  if (request.is("GET", 2)) {
    TRY_VOID(request.no_more_query());
    TRY(const rollout::Rollout one, rollouts.find(request.path[1]));
    return AdminReply{.body = shown_rollout(one, rollouts.last_reason(one.plan.route), true),
                      .etag = etag_of(one.revision)};
  }
  const auto act = request.is("POST", 3) ? act_of(request.path[2]) : std::nullopt;
  if (!act) return fail(no_such_method(request));
  JsonBody body(request.call.body);
  const auto why = *act == Rollouts::Act::abort ? body.text("reason") : std::nullopt;
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY(const rollout::Rollout present, rollouts.find(request.path[1]));
  TRY_VOID(revision(request, present.revision));
  TRY(const rollout::Rollout next, rollouts.after(*act, request.path[1], why.value_or("")));
  return change_rollout(request, next, 200);
}

Result<AdminReply> AdminApi::start_rollout(Request& request) {
  JsonBody body(request.call.body);
  const PlanFields fields = PlanFields::read(body);
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY_VOID(must_want_new(request));
  TRY(rollout::Plan plan, fields.plan(*parts_.publisher.directory().get(), *parts_.rollouts));
  auto started = parts_.rollouts->started(request.ids->next(), std::move(plan));
  if (!started) return fail(as_invalid_value(started.error()));
  return change_rollout(request, *started, 201);
}

// Stored with its audit entry first, then in force: a decision of the rollout's own in between
// stays what it is.
Result<AdminReply> AdminApi::change_rollout(Request& request, const rollout::Rollout& next,
                                            int status) {
  TRY_VOID(Rollouts::write(*request.store, next));
  request.afterwards = [&rollouts = *parts_.rollouts, next](AdminReply&) { rollouts.take(next); };
  return AdminReply{status, shown_rollout(next, "", true), etag_of(next.revision)};
}

}  // namespace sovmesh::control

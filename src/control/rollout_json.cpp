#include "control/rollout_json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "base/time_text.h"
#include "control/json_text.h"
#include "rollout/plan_text.h"

namespace sovmesh::control {
namespace {

using nlohmann::json;
using rollout::Arm;
using rollout::Histogram;
using rollout::State;

std::int64_t micros_of(WallTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}
WallTime time_of(const json& micros) {
  return WallTime(std::chrono::microseconds(micros.get<std::int64_t>()));
}

// [bucket, count] of those that hold something.
json histogram_json(const Histogram& histogram) {
  json out = json::array();
  for (std::size_t bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    if (histogram.in(bucket) > 0) out.push_back({bucket, histogram.in(bucket)});
  }
  return out;
}
Histogram histogram_of(const json& from) {
  Histogram out;
  for (const json& entry : from) {
    const auto bucket = entry.at(0).get<std::size_t>();
    if (bucket >= Histogram::kBuckets) throw std::out_of_range("bucket");
    out.add_to(bucket, entry.at(1).get<std::uint64_t>());
  }
  return out;
}

json arm_json(const Arm& arm) {
  return {{"requests", arm.requests},
          {"errors", arm.errors},
          {"refusals", arm.refusals},
          {"ttft_us", histogram_json(arm.ttft_us)},
          {"tpot_us", histogram_json(arm.tpot_us)},
          {"output_tokens", histogram_json(arm.output_tokens)}};
}
Arm arm_of(const json& from) {
  return {.requests = from.at("requests").get<std::uint64_t>(),
          .errors = from.at("errors").get<std::uint64_t>(),
          .refusals = from.at("refusals").get<std::uint64_t>(),
          .ttft_us = histogram_of(from.at("ttft_us")),
          .tpot_us = histogram_of(from.at("tpot_us")),
          .output_tokens = histogram_of(from.at("output_tokens"))};
}

json test_json(const rollout::ChangeTest::State& state) {
  return {{"looks", state.looks}, {"log_sums", state.log_sums}};
}
rollout::ChangeTest::State test_of(const json& from) {
  return {.looks = from.at("looks").get<std::int64_t>(),
          .log_sums = from.at("log_sums").get<rollout::Alternatives>()};
}

json plan_json(const rollout::Plan& plan) {
  json steps = json::array();
  for (const rollout::Step& step : plan.steps)
    steps.push_back(to_text(step));
  json gates = json::array();
  for (const rollout::Gate& gate : plan.gates)
    gates.push_back({{"gate", to_text(gate)}, {"sample_min", gate.sample_min}});
  return {{"route", plan.route.text()},
          {"stable", plan.stable.text()},
          {"candidate", plan.candidate.text()},
          {"steps", std::move(steps)},
          {"gates", std::move(gates)},
          {"decision_interval", plan.decision_interval.count()},
          {"ready_within", plan.ready_within.count()},
          {"false_rollback_ppm", plan.false_rollback_ppm},
          {"design_effect", plan.design_effect}};
}

json outcomes_json(const std::vector<catalog::Outcome>& outcomes) {
  json out = json::array();
  for (const catalog::Outcome& outcome : outcomes)
    out.push_back({{"version", outcome.version.text()}, {"promoted", outcome.promoted}});
  return out;
}

Result<ModelName> name_at(const json& from, const char* member) {
  return ModelName::parse(from.at(member).get<std::string>());
}

Result<rollout::Plan> plan_of(const json& from) {
  TRY(ModelName route, name_at(from, "route"));
  TRY(ModelName stable, name_at(from, "stable"));
  TRY(ModelName candidate, name_at(from, "candidate"));
  rollout::Plan plan{
      .route = std::move(route), .stable = std::move(stable), .candidate = std::move(candidate)};
  for (const json& step : from.at("steps")) {
    TRY(plan.steps.emplace_back(), rollout::parse_step(step.get<std::string>()));
  }
  for (const json& gate : from.at("gates")) {
    TRY(plan.gates.emplace_back(), rollout::parse_gate(gate.at("gate").get<std::string>()));
    plan.gates.back().sample_min = gate.at("sample_min").get<std::int64_t>();
  }
  plan.decision_interval = std::chrono::seconds(from.at("decision_interval").get<std::int64_t>());
  plan.ready_within = std::chrono::seconds(from.at("ready_within").get<std::int64_t>());
  plan.false_rollback_ppm = from.at("false_rollback_ppm").get<int>();
  plan.design_effect = from.at("design_effect").get<int>();
  TRY_VOID(rollout::validate(plan));
  return plan;
}

Result<State> state_of(const json& from) {
  const auto text = from.get<std::string>();
  for (const State state :
       {State::waiting, State::holding, State::paused, State::promoted, State::rolled_back}) {
    if (name(state) == text) return state;
  }
  return our_error(Code::internal_error, "unknown state of a rollout");
}

Result<rollout::Rollout> rollout_of(const json& from) {
  TRY(rollout::Plan plan, plan_of(from.at("plan")));
  TRY(const Ulid id, Ulid::parse(from.at("id").get<std::string>()));
  rollout::Rollout out{.id = id, .plan = std::move(plan)};
  TRY(out.state, state_of(from.at("state")));
  TRY(out.paused_from, state_of(from.at("paused_from")));
  out.route_revision = from.at("route_revision").get<std::int64_t>();
  // Absent in what an earlier binary has written.
  for (const json& outcome : from.value("before", json::array())) {
    TRY(ModelName version, name_at(outcome, "version"));
    out.before.push_back({std::move(version), outcome.at("promoted").get<bool>()});
  }
  out.step = from.at("step").get<std::size_t>();
  out.since = time_of(from.at("since"));
  out.held = std::chrono::microseconds(from.at("held_us").get<std::int64_t>());
  out.looked_at = time_of(from.at("looked_at"));
  out.interval_began = time_of(from.at("interval_began"));
  out.early_looks = from.at("early_looks").get<int>();
  out.candidate_before = from.at("candidate_before").get<std::uint64_t>();
  out.seen = {.stable = arm_of(from.at("stable")), .candidate = arm_of(from.at("candidate"))};
  for (const json& test : from.at("tests"))
    out.seen.tests.push_back({test_of(test.at("stable")), test_of(test.at("objective"))});
  for (const json& event : from.at("events")) {
    TRY(const State state, state_of(event.at("state")));
    out.events.push_back({.at = time_of(event.at("at")),
                          .state = state,
                          .share = event.at("share").get<int>(),
                          .text = event.at("text").get<std::string>()});
  }
  out.revision = from.at("revision").get<std::int64_t>();
  out.created_at = time_of(from.at("created_at"));
  out.updated_at = time_of(from.at("updated_at"));
  if (out.step >= out.plan.steps.size() || out.events.size() > rollout::kEventsMax ||
      (!out.seen.tests.empty() && out.seen.tests.size() != out.plan.gates.size()))
    return our_error(Code::internal_error, "a stored rollout contradicts itself");
  return out;
}

// JSON of numbers that may be absent.
json number_or_null(const std::optional<double>& value) { return value ? json(*value) : json(); }

std::string evidence_json(const std::vector<rollout::Evidence>& all) {
  std::vector<std::string> evidence;
  for (const rollout::Evidence& one : all) {
    evidence.push_back(JsonText()
                           .text("measure", name(one.measure))
                           .flag("objective", one.objective)
                           .text("verdict", name(one.verdict))
                           .text("text", one.text)
                           .end());
  }
  return json_list(evidence);
}

std::int64_t count_of(std::uint64_t count) { return static_cast<std::int64_t>(count); }

void add_details(JsonText& out, const rollout::Rollout& rollout) {
  std::vector<std::string> events;
  for (const rollout::Event& event : rollout.events) {
    events.push_back(JsonText()
                         .time("at", event.at)
                         .text("state", name(event.state))
                         .text("share", fmt::format("{:g}%", event.share / 100.0))
                         .text("text", event.text)
                         .end());
  }
  const rollout::Report report = rollout::compare(rollout.seen.stable, rollout.seen.candidate);
  out.raw("evidence", evidence_json(rollout::judge(rollout.plan, rollout.seen)))
      .raw("events", json_list(events))
      .raw("report", report_json(report))
      .text("report_text",
            report_text(report, rollout.plan.stable.text(), rollout.plan.candidate.text()));
}

}  // namespace

std::string report_json(const rollout::Report& report) {
  json rows = json::array();
  for (const rollout::ReportRow& row : report.rows) {
    rows.push_back({{"name", row.name},
                    {"unit", row.unit},
                    {"stable", number_or_null(row.stable)},
                    {"candidate", number_or_null(row.candidate)},
                    {"difference_low", number_or_null(row.difference_low)},
                    {"difference_high", number_or_null(row.difference_high)}});
  }
  return rows.dump();
}

std::string rollout_json(const rollout::Rollout& rollout) {
  json tests = json::array();
  for (const auto& test : rollout.seen.tests) {
    tests.push_back({{"stable", test_json(test.against_stable)},
                     {"objective", test_json(test.against_objective)}});
  }
  json events = json::array();
  for (const rollout::Event& event : rollout.events) {
    events.push_back({{"at", micros_of(event.at)},
                      {"state", name(event.state)},
                      {"share", event.share},
                      {"text", event.text}});
  }
  const json out{{"id", rollout.id.text()},
                 {"plan", plan_json(rollout.plan)},
                 {"route_revision", rollout.route_revision},
                 {"before", outcomes_json(rollout.before)},
                 {"state", name(rollout.state)},
                 {"paused_from", name(rollout.paused_from)},
                 {"step", rollout.step},
                 {"since", micros_of(rollout.since)},
                 {"held_us", rollout.held.count()},
                 {"looked_at", micros_of(rollout.looked_at)},
                 {"interval_began", micros_of(rollout.interval_began)},
                 {"early_looks", rollout.early_looks},
                 {"candidate_before", rollout.candidate_before},
                 {"stable", arm_json(rollout.seen.stable)},
                 {"candidate", arm_json(rollout.seen.candidate)},
                 {"tests", std::move(tests)},
                 {"events", std::move(events)},
                 {"revision", rollout.revision},
                 {"created_at", micros_of(rollout.created_at)},
                 {"updated_at", micros_of(rollout.updated_at)}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<rollout::Rollout> parse_rollout(std::string_view text) {
  try {
    return rollout_of(json::parse(text));
  } catch (const std::exception& broken) {
    return our_error(Code::internal_error,
                     fmt::format("a stored rollout cannot be read: {}", broken.what()));
  }
}

std::string index_json(std::span<const ModelName> routes) {
  json out = json::array();
  for (const ModelName& route : routes)
    out.push_back(route.text());
  return out.dump();
}

std::vector<ModelName> names_of_index(std::string_view text) {
  std::vector<ModelName> out;
  const json parsed = json::parse(text, nullptr, false);
  if (!parsed.is_array()) return out;
  for (const json& one : parsed) {
    if (!one.is_string()) continue;
    if (auto name = ModelName::parse(one.get<std::string>())) out.push_back(*std::move(name));
  }
  return out;
}

std::string rollout_event(const rollout::Rollout& rollout, std::string_view what) {
  const rollout::Event& last = rollout.events.back();
  const std::vector<rollout::Evidence> evidence = rollout::judge(rollout.plan, rollout.seen);
  const auto broken =
      std::ranges::find(evidence, rollout::Verdict::regressed, &rollout::Evidence::verdict);
  JsonText data;
  data.text("rollout", rollout.id.text())
      .text("route", rollout.plan.route.text())
      .text("stable", rollout.plan.stable.text())
      .text("candidate", rollout.plan.candidate.text())
      .text("state", name(last.state))
      .text("share", fmt::format("{:g}%", last.share / 100.0))
      .number("step", count_of(rollout.step) + 1)
      .time("at", last.at)
      .text("text", last.text);
  broken == evidence.end() ? data.null("gate") : data.text("gate", name(broken->measure));
  data.number("stable_requests", count_of(rollout.seen.stable.requests))
      .number("stable_errors", count_of(rollout.seen.stable.errors))
      .number("candidate_requests", count_of(rollout.seen.candidate.requests))
      .number("candidate_errors", count_of(rollout.seen.candidate.errors))
      .raw("evidence", evidence_json(evidence));
  return JsonText().text("type", fmt::format("rollout.{}", what)).raw("data", data.end()).end();
}

std::string shown_rollout(const rollout::Rollout& rollout, std::string_view reason, bool details) {
  const rollout::Plan& plan = rollout.plan;
  std::vector<std::string> steps;
  for (const rollout::Step& step : plan.steps)
    steps.push_back(to_text(step));
  std::vector<std::string> gates;
  for (const rollout::Gate& gate : plan.gates)
    gates.push_back(to_text(gate));
  JsonText out;
  out.text("id", rollout.id.text())
      .text("route", plan.route.text())
      .text("stable", plan.stable.text())
      .text("candidate", plan.candidate.text())
      .text("state", name(rollout.state))
      .text("share", fmt::format("{:g}%", rollout.share() / 100.0))
      .number("step", static_cast<std::int64_t>(rollout.step) + 1)
      .texts("steps", steps)
      .texts("gates", gates)
      .number("held_s", std::chrono::duration_cast<std::chrono::seconds>(rollout.held).count())
      .number("stable_requests", static_cast<std::int64_t>(rollout.seen.stable.requests))
      .number("candidate_requests", static_cast<std::int64_t>(rollout.seen.candidate.requests))
      .text("reason", !reason.empty()          ? reason
                      : rollout.events.empty() ? std::string_view()
                                               : rollout.events.back().text)
      .time("since", rollout.since)
      .time("created_at", rollout.created_at)
      .number("revision", rollout.revision);
  if (details) add_details(out, rollout);
  return out.end();
}

}  // namespace sovmesh::control

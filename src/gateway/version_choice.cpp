#include "gateway/version_choice.h"

#include <algorithm>
#include <string>
#include <vector>

namespace sovmesh::gateway {
namespace {

// One request of one caller before the routes of its snapshot.
class Chooser {
 public:
  Chooser(const identity::Caller& caller, const http::RequestHead& head, const EngineSet& engines,
          const rollout::RoutesInForce* rollouts)
      : models_(caller.directory().models()),
        caller_(caller),
        engines_(engines),
        rollouts_(rollouts) {
    for (const http::Field& field : head.fields)
      headers_.push_back({.name = field.name, .value = field.value});
    for (const auto& [name, value] : caller.key().labels)
      labels_.push_back({.name = name, .value = value});
    facts_ = {.tenant = caller.tenant().id,
              .user = caller.key().owner ? std::string_view(*caller.key().owner) : "",
              .session = head.fields.find(kSessionHeader).value_or(""),
              .headers = headers_,
              .key_labels = labels_,
              .project = caller.project().slug.text()};
  }

  // Nothing: the caller may use none of the versions.
  std::optional<ChosenModel> choose(const catalog::Route& route) const {
    const rollout::InForce* const rollout = rollout_of(route.name);
    const auto choice =
        catalog::choose(route, facts_, may_use_, rollout == nullptr ? nullptr : &rollout->shift);
    if (!choice) return std::nullopt;
    const ModelName& name = route.versions[choice->version].model;
    ChosenModel chosen{.model = models_.model(name), .route = &route, .choice = choice};
    if (rollout != nullptr && choice->rule == catalog::Rule::weight) count_in(*rollout, chosen);
    if (can_answer(*chosen.model)) return chosen;
    const auto instead = fallbacks(route, name);
    if (instead.empty()) return chosen;  // whose error says what is wrong
    return ChosenModel{.model = instead.front(), .route = &route, .choice = {}};
  }

  std::vector<const catalog::Model*> fallbacks(const catalog::Route& route) const {
    const rollout::InForce* const rollout = rollout_of(route.name);
    const auto choice =
        catalog::choose(route, facts_, may_use_, rollout == nullptr ? nullptr : &rollout->shift);
    if (!choice) return {};
    return fallbacks(route, route.versions[choice->version].model);
  }

 private:
  std::vector<const catalog::Model*> fallbacks(const catalog::Route& route,
                                               const ModelName& failed) const {
    std::vector<const catalog::Model*> out;
    for (const auto& step : catalog::fallbacks(route, failed, facts_, may_use_, find_route_)) {
      if (step.verdict != catalog::FallbackStep::Verdict::may_try) continue;
      const catalog::Model* const next = models_.model(step.model);
      if (can_answer(*next)) out.push_back(next);
    }
    return out;
  }
  // A fallback that answers for a version does not count: it says nothing of that version.
  static void count_in(const rollout::InForce& rollout, ChosenModel& chosen) {
    chosen.is_candidate = chosen.model->name == rollout.shift.version;
    if (chosen.is_candidate || chosen.model->name == rollout.stable) chosen.tally = rollout.tally;
  }
  const rollout::InForce* rollout_of(const ModelName& route) const {
    if (rollouts_ == nullptr) return nullptr;
    const auto found = rollouts_->find(route);
    return found == rollouts_->end() ? nullptr : &found->second;
  }
  const std::set<ModelName>* key_models() const {
    const auto& models = caller_.key().models;
    return models ? &*models : nullptr;
  }
  // An engine that sleeps is started by its request; none that an administrator stopped.
  bool can_answer(const catalog::Model& model) const {
    if (model.engines.empty()) return may_run_on(model.engine);
    return std::ranges::any_of(model.engines,
                               [this](const std::string& name) { return may_run_on(name); });
  }
  bool may_run_on(const std::string& name) const {
    const auto engine = engines_.find(name);
    if (!engine || engine->is_out_of_service()) return false;
    if (engine->is_ready()) return true;
    const engine::State state = engine->status().state;
    return state != engine::State::unhealthy && state != engine::State::backing_off;
  }

  const catalog::ModelTable& models_;
  const identity::Caller& caller_;
  const EngineSet& engines_;
  const rollout::RoutesInForce* rollouts_;
  std::vector<catalog::NamedValue> headers_;
  std::vector<catalog::NamedValue> labels_;
  catalog::RouteFacts facts_{};
  catalog::MayUse may_use_ = [this](const ModelName& model) {
    return models_.may_answer(model, caller_.tenant().id, key_models());
  };
  catalog::FindRoute find_route_ = [this](const ModelName& name) {
    const rollout::InForce* const rollout = rollout_of(name);
    return catalog::RouteInForce{.route = models_.route(name),
                                 .shift = rollout == nullptr ? nullptr : &rollout->shift};
  };
};

}  // namespace

Result<ChosenModel> choose_model(const identity::Caller& caller, std::string_view name,
                                 const http::RequestHead& head, const EngineSet& engines,
                                 const rollout::RoutesInForce* rollouts) {
  TRY(const catalog::Model* listed, caller.model(name));
  const catalog::Route* const route = caller.directory().models().route_behind(*listed);
  if (route == nullptr) return ChosenModel{.model = listed, .route = nullptr, .choice = {}};
  if (auto chosen = Chooser(caller, head, engines, rollouts).choose(*route)) return *chosen;
  return fail(identity::no_such_model(name));
}

std::optional<ChosenModel> model_of_before(const identity::Caller& caller, std::string_view name) {
  const catalog::ModelTable& models = caller.directory().models();
  const catalog::Model* const listed =
      models.find(name, caller.tenant().id, caller.directory().own_models(caller.key()));
  if (listed == nullptr) return std::nullopt;
  ChosenModel was{.model = listed, .route = models.route_behind(*listed), .choice = {}};
  if (was.route != nullptr) was.model = models.model(was.route->stable().model);
  if (was.model == nullptr) return std::nullopt;
  return was;
}

const catalog::Mirror* mirror_of(const identity::Caller& caller, const ChosenModel& chosen,
                                 std::uint64_t draw) {
  const auto may_use = [&](const ModelName& model) {
    const auto& allowed = caller.key().models;
    return caller.directory().models().may_answer(model, caller.tenant().id,
                                                  allowed ? &*allowed : nullptr);
  };
  return catalog::mirror_for(*chosen.route, *chosen.choice, may_use, draw);
}

std::vector<const catalog::Model*> fallbacks_of(const identity::Caller& caller,
                                                const catalog::Route& route,
                                                const http::RequestHead& head,
                                                const EngineSet& engines,
                                                const rollout::RoutesInForce* rollouts) {
  return Chooser(caller, head, engines, rollouts).fallbacks(route);
}

RequestTimes times_of(const ChosenModel& chosen, std::int64_t prompt_tokens) {
  const catalog::Model& model = *chosen.model;
  RequestTimes times{.first_token = model.first_token_timeout,
                     .stall = model.stall_timeout,
                     .total = model.total_timeout};
  if (chosen.route == nullptr) return times;
  const catalog::RouteTimeouts& of_route = chosen.route->timeouts;
  times.first_token =
      catalog::first_token_timeout(of_route, prompt_tokens).value_or(times.first_token);
  times.connect = of_route.connect;
  times.stall = of_route.inter_token.value_or(times.stall);
  times.total = of_route.total.value_or(times.total);
  return times;
}

}  // namespace sovmesh::gateway

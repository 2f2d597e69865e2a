#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include "base/time_text.h"
#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_body.h"

// The models of the admin API.
namespace sovmesh::control {
namespace {

constexpr std::int64_t kTokensMax = 1LL << 32;
constexpr std::int64_t kAdapterMax = 1'000;
constexpr std::int64_t kChoicesMax = 128;
constexpr std::size_t kReplicasMax = 64;  // engines of one model
constexpr std::string_view kNever = "never";

using Text = std::optional<std::string>;

Result<std::chrono::milliseconds> duration_of(const std::string& text, const char* name) {
  const auto duration = parse_duration(text);
  if (duration && duration->count() > 0) return *duration;
  return client_error(Code::invalid_value, "want a duration as 250ms, 30s or 5m", name);
}

// What a caller may say of a model, at its creation and later.
struct ModelFields {
  std::optional<std::string> engine;
  std::optional<std::vector<std::string>> engines;
  std::optional<std::string> engine_model;
  std::optional<std::int64_t> adapter;
  std::optional<std::string> owned_by;
  std::optional<std::string> artifact;
  std::optional<bool> chat;
  std::optional<bool> completions;
  std::optional<bool> embeddings;
  std::optional<std::vector<std::string>> tenants;
  std::optional<std::int64_t> context_tokens;
  std::optional<std::int64_t> output_tokens_max;
  std::optional<std::int64_t> choices_max;
  std::optional<std::vector<std::string>> extra_fields;
  std::optional<bool> reject_unknown_fields;
  Text first_token_timeout;
  Text stall_timeout;
  Text total_timeout;
  Text commit_after;
  bool no_artifact = false;
  bool same_name = false;  // null was said
  bool no_adapter = false;
  bool all_tenants = false;

  static ModelFields read(JsonBody& body) {
    return {.engine = body.text("engine"),
            .engines = body.texts("engines"),
            .engine_model = body.text("engine_model"),
            .adapter = body.number("adapter", 0, kAdapterMax),
            .owned_by = body.text("owned_by"),
            .artifact = body.text("artifact"),
            .chat = body.flag("chat"),
            .completions = body.flag("completions"),
            .embeddings = body.flag("embeddings"),
            .tenants = body.texts("tenants"),
            .context_tokens = body.number("context_tokens", 0, kTokensMax),
            .output_tokens_max = body.number("output_tokens_max", 0, kTokensMax),
            .choices_max = body.number("choices_max", 1, kChoicesMax),
            .extra_fields = body.texts("extra_fields"),
            .reject_unknown_fields = body.flag("reject_unknown_fields"),
            .first_token_timeout = body.text("first_token_timeout"),
            .stall_timeout = body.text("stall_timeout"),
            .total_timeout = body.text("total_timeout"),
            .commit_after = body.text("commit_after"),
            .no_artifact = body.is_null("artifact"),
            .same_name = body.is_null("engine_model"),
            .no_adapter = body.is_null("adapter"),
            .all_tenants = body.is_null("tenants")};
  }

  Result<void> put_times_into(catalog::Model& model) const {
    const auto put = [](const Text& text, const char* name,
                        std::chrono::milliseconds& out) -> Result<void> {
      if (text) {
        TRY(out, duration_of(*text, name));
      }
      return {};
    };
    TRY_VOID(put(first_token_timeout, "first_token_timeout", model.first_token_timeout));
    TRY_VOID(put(stall_timeout, "stall_timeout", model.stall_timeout));
    TRY_VOID(put(total_timeout, "total_timeout", model.total_timeout));
    if (!commit_after) return {};
    if (*commit_after == kNever) {
      model.commit_after.reset();
      return {};
    }
    return put(commit_after, "commit_after", model.commit_after.emplace());
  }

  // One engine, or replicas of each other; as they were when nothing is said.
  Result<void> put_engines_into(catalog::Model& model) const {
    if (engine && engines)
      return client_error(Code::invalid_value, "want engine or engines, not both", "engines");
    if (engine) {
      model.engine = *engine;
      model.engines.clear();
    }
    if (!engines) return {};
    if (engines->empty() || engines->size() > kReplicasMax) {
      return client_error(Code::invalid_value, fmt::format("want 1 to {} engines", kReplicasMax),
                          "engines");
    }
    if (std::set(engines->begin(), engines->end()).size() < engines->size())
      return client_error(Code::invalid_value, "an engine stands twice", "engines");
    model.engine = engines->front();
    model.engines = engines->size() > 1 ? *engines : std::vector<std::string>();
    return {};
  }

  Result<void> put_into(catalog::Model& model, const store::ControlData& data) const {
    TRY_VOID(put_engines_into(model));
    if (engine_model) model.engine_model = *engine_model;
    if (same_name) model.engine_model = model.name.text();
    if (adapter) model.adapter = static_cast<int>(*adapter);
    if (no_adapter) model.adapter.reset();
    if (owned_by) model.owned_by = *owned_by;
    if (no_artifact) model.artifact.clear();
    if (artifact) {
      const auto is_it = [&](const auto& known) { return known.name.text() == *artifact; };
      if (std::ranges::none_of(data.artifacts, is_it)) {
        return client_error(Code::invalid_value,
                            fmt::format("there is no artifact '{}'", *artifact), "artifact");
      }
      model.artifact = *artifact;
    }
    model.chat = chat.value_or(model.chat);
    model.completions = completions.value_or(model.completions);
    model.embeddings = embeddings.value_or(model.embeddings);
    model.context_tokens = context_tokens.value_or(model.context_tokens);
    model.output_tokens_max = output_tokens_max.value_or(model.output_tokens_max);
    if (choices_max) model.choices_max = static_cast<int>(*choices_max);
    if (extra_fields) model.extra_fields = {extra_fields->begin(), extra_fields->end()};
    model.reject_unknown_fields = reject_unknown_fields.value_or(model.reject_unknown_fields);
    TRY_VOID(put_times_into(model));
    if (tenants || all_tenants) {
      model.for_all_tenants = all_tenants;
      model.tenants.clear();
    }
    for (const std::string& slug : tenants.value_or(std::vector<std::string>())) {
      auto tenant = find_tenant(data, slug);
      if (!tenant) return fail(std::move(tenant).error().with_param("tenants"));
      model.tenants.insert(tenant->id);
    }
    return {};
  }
};

}  // namespace

Result<AdminReply> AdminApi::models(Request& request) {
  if (request.is("POST", 1) || request.is("PUT", 2)) return create_model(request);
  TRY(store::ControlData data, request.store->load());
  for (catalog::Model& model : parts_.publisher.discovered())
    data.models.push_back(std::move(model));
  data = seen(request, std::move(data));
  if (request.is("GET", 1)) {
    TRY(const Narrowing only, narrowing(request));
    std::erase_if(data.models, [&](const catalog::Model& m) {
      const std::string_view owner = m.discovered ? "engine" : m.from_file ? "file" : "api";
      return !only.fits(owner, {m.name.text()});
    });
    return page<catalog::Model>(
        request, data.models, [](const catalog::Model& m) { return std::string(m.name.text()); },
        [&](const catalog::Model& m) { return to_json(m, data); });
  }
  TRY_VOID(request.no_more_query());
  TRY(catalog::Model model, find_model(data, request.path[1]));
  if (request.call.method == "GET")
    return AdminReply{.body = to_json(model, data), .etag = etag_of(model.revision)};
  if (request.call.method == "PATCH") return change_model(request, std::move(model));
  if (request.call.method != "DELETE") return fail(no_such_method(request));
  TRY_VOID(must_be_ours(model));
  TRY(const std::int64_t at, revision(request, model.revision));
  TRY_VOID(check_unused(model));
  TRY_VOID(request.store->remove(model.id, at));
  return AdminReply{.status = 204};
}

// Its engines exist, are in one pool and can hold what the model promises; it offers something.
Result<void> AdminApi::check_model(const catalog::Model& model) {
  for (const std::string& engine : engines_of(model))
    TRY_VOID(check_engine_of(model, engine));
  if (model.chat || model.completions || model.embeddings) return {};
  return client_error(Code::invalid_value, "the model offers nothing", "chat");
}

Result<void> AdminApi::check_engine_of(const catalog::Model& model, const std::string& name) {
  const char* const param = model.engines.empty() ? "engine" : "engines";
  const auto engines = parts_.engines();
  const auto known =
      std::ranges::find_if(engines, [&](const auto& engine) { return engine->name() == name; });
  if (known == engines.end()) {
    const auto unknown = no_such("engine", name, engine_names());
    return client_error(Code::invalid_value, unknown.error().message(), param);
  }
  const auto directory = parts_.publisher.directory().get();
  if (directory->pool_of(name) != directory->pool_of(model.engine)) {
    return client_error(
        Code::invalid_value,
        fmt::format("the engines '{}' and '{}' are not in one pool", model.engine, name), param);
  }
  if (model.adapter && *model.adapter >= (*known)->adapters()) {
    return client_error(
        Code::integer_above_max_value,
        fmt::format("the engine '{}' has {} adapters, counted from 0", name, (*known)->adapters()),
        "adapter");
  }
  const std::int64_t most = parts_.publisher.engine_context(name);
  if (most > 0 && model.context_tokens > most) {
    return client_error(Code::integer_above_max_value,
                        fmt::format("the engine '{}' has {} tokens for one request", name, most),
                        "context_tokens");
  }
  return {};
}

// A route of the same name would stand in front of it.
Result<void> AdminApi::check_hides_nothing(const ModelName& name) const {
  const auto directory = parts_.publisher.directory().get();
  const catalog::Route* const route = directory->models().route(name);
  if (route == nullptr || route->version(name) != nullptr) return {};
  return client_error(
      Code::conflict,
      fmt::format("the route '{}' has this name; make the model one of its versions "
                  "or choose another name",
                  name.text()),
      "name");
}

// Of no route, as a version or to fall back to.
Result<void> AdminApi::check_unused(const catalog::Model& model) const {
  const auto directory = parts_.publisher.directory().get();
  for (const catalog::Route& route : directory->models().routes()) {
    const bool falls_back = std::ranges::any_of(route.fallbacks, [&](const auto& fallback) {
      return fallback.kind == catalog::Fallback::Kind::model && fallback.name == model.name;
    });
    if (route.version(model.name) == nullptr && !falls_back) continue;
    return client_error(
        Code::conflict,
        fmt::format(
            "the route '{}'{} {} the model: change the route first", route.name.text(),
            route.from_file ? fmt::format(" of the configuration file ({})", route.source) : "",
            falls_back ? "falls back to" : "has a version that is"));
  }
  return {};
}

// PUT says all of the model that it names, whether it is there or not.
Result<AdminReply> AdminApi::create_model(Request& request) {
  JsonBody body(request.call.body);
  const std::string name_text = body.required_text("name");
  const ModelFields fields = ModelFields::read(body);
  TRY_VOID(body.done());
  if (!fields.engine && !fields.engines)
    return client_error(Code::missing_required_parameter, "want engine or engines", "engine");
  TRY_VOID(request.no_more_query());
  TRY(ModelName name, ModelName::parse(name_text));
  TRY_VOID(must_be_name_of_path(request, name_text, "name"));
  TRY(const store::ControlData data, request.store->load());
  const auto there = std::ranges::find(data.models, name, &catalog::Model::name);
  const bool is_there = there != data.models.end();
  if (is_there) TRY_VOID(must_be_ours(*there));
  if (!is_there) TRY_VOID(check_hides_nothing(name));
  const bool is_put = request.call.method == "PUT";
  catalog::Model model{.id = {request.ids->next()}, .name = std::move(name)};
  model.engine_model = name_text;
  TRY_VOID(fields.put_into(model, data));
  TRY_VOID(check_model(model));
  if (!is_put || !is_there) {
    TRY_VOID(must_want_new(request));
    TRY(model, request.store->create(std::move(model)));
    return AdminReply{201, to_json(model, data), etag_of(model.revision)};
  }
  model.id = there->id;
  model.created_at = there->created_at;
  model.updated_at = there->updated_at;
  TRY(model.revision, revision(request, there->revision));
  if (to_json(model, data) != to_json(*there, data)) {
    TRY(model, request.store->update(model));
  }
  return AdminReply{200, to_json(model, data), etag_of(model.revision)};
}

Result<AdminReply> AdminApi::change_model(Request& request, catalog::Model model) {
  JsonBody body(request.call.body);
  const ModelFields fields = ModelFields::read(body);
  TRY_VOID(body.done());
  TRY_VOID(must_be_ours(model));
  TRY(model.revision, revision(request, model.revision));
  TRY(const store::ControlData data, request.store->load());
  TRY_VOID(fields.put_into(model, data));
  TRY_VOID(check_model(model));
  if (!body.is_empty()) {
    TRY(model, request.store->update(model));
  }
  return AdminReply{200, to_json(model, data), etag_of(model.revision)};
}

}  // namespace sovmesh::control

#include "control/admin_artifacts.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/time_text.h"
#include "control/admin_objects.h"
#include "control/json_body.h"
#include "control/json_object.h"
#include "control/json_text.h"
#include "control/releases.h"

namespace sovmesh::control {
namespace {

using nlohmann::json;
using store::ArtifactRecord;
using store::TestRunRecord;

constexpr std::array<std::string_view, 2> kFormats{"gguf", "safetensors"};
constexpr std::int64_t kCountMax = std::int64_t{1} << 60;
constexpr std::size_t kLabelsMax = 32;
constexpr std::size_t kCasesMax = 1'000;
constexpr std::size_t kTextMax = 1'024;

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string test_json(const TestRunRecord& run) {
  JsonText out;
  out.text("id", run.id.value.text())
      .text("set", run.set)
      .text("model", run.model)
      .number("passed", run.passed)
      .number("failed", run.failed)
      .time("at", run.meta.created_at);
  return out.end();
}

std::string whole_test_json(const TestRunRecord& run) {
  std::string out = test_json(run);
  out.back() = ',';
  return out + R"("results":)" + run.results + "}";
}

JsonText shown(const ArtifactRecord& artifact, const store::ControlData& data) {
  const catalog::Release& release = artifact.release;
  JsonText out;
  out.text("id", artifact.id.value.text())
      .text("artifact", artifact.name.text())
      .text("name", artifact.name.model())
      .text("version", artifact.name.version())
      .text("stage", catalog::name(release.stage));
  if (release.for_all_tenants) {
    out.null("tenants");
  } else {
    std::vector<std::string> tenants;
    for (const TenantId id : release.tenants)
      tenants.push_back(slug_of(data, id));
    out.texts("tenants", tenants);
  }
  release.retires_at ? out.time("retires_at", *release.retires_at) : out.null("retires_at");
  out.text("format", artifact.format)
      .text("digest", to_hex(artifact.digest))
      .number("bytes", artifact.bytes)
      .text("architecture", artifact.architecture)
      .text("quantisation", artifact.quantisation)
      .number("parameters", artifact.parameters)
      .number("context_tokens", artifact.context_tokens)
      .text("licence", artifact.licence)
      .text("origin", artifact.origin)
      .text("owner", artifact.owner)
      .raw("labels", map_json(artifact.labels));
  std::vector<std::string> models;
  for (const catalog::Model& model : data.models)
    if (model.artifact == artifact.name.text()) models.emplace_back(model.name.text());
  out.texts("models", models);
  return out;
}

Result<ArtifactRecord> find_artifact(const store::ControlData& data, std::string_view name) {
  std::vector<std::string> known;
  for (const ArtifactRecord& artifact : data.artifacts) {
    if (artifact.name.text() == name || artifact.id.value.text() == name) return artifact;
    known.push_back(artifact.name.text());
  }
  return no_such("artifact", name, known);
}

// What people say of it, now and later.
struct Description {
  std::optional<std::string> licence;
  std::optional<std::string> origin;
  std::optional<std::string> owner;
  std::optional<std::map<std::string, std::string>> labels;

  static Description read(JsonBody& body) {
    return {.licence = body.text("licence"),
            .origin = body.text("origin"),
            .owner = body.text("owner"),
            .labels = body.text_map("labels")};
  }
  Result<void> put_into(ArtifactRecord& artifact) const {
    if (labels && labels->size() > kLabelsMax) {
      return client_error(Code::invalid_value, fmt::format("want at most {} labels", kLabelsMax),
                          "labels");
    }
    artifact.licence = licence.value_or(artifact.licence);
    artifact.origin = origin.value_or(artifact.origin);
    artifact.owner = owner.value_or(artifact.owner);
    artifact.labels = labels.value_or(artifact.labels);
    return {};
  }
};

Result<Digest> digest_of(std::string_view hex) {
  Digest digest{};
  const auto value = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  bool fits = hex.size() == digest.size() * 2;
  for (std::size_t i = 0; fits && i < digest.size(); ++i) {
    const int high = value(hex[2 * i]);
    const int low = value(hex[2 * i + 1]);
    fits = high >= 0 && low >= 0;
    digest.at(i) = static_cast<unsigned char>(high * 16 + low);
  }
  if (fits) return digest;
  return client_error(Code::invalid_value, "want 64 hexadecimal digits, in lower case", "digest");
}

Result<std::optional<WallTime>> time_of(const std::optional<std::string>& text, const char* name) {
  if (!text) return std::nullopt;
  const auto time = parse_rfc3339(*text);
  if (!time) return client_error(Code::invalid_value, "want a time as 2027-01-31T00:00:00Z", name);
  return time;
}

std::unexpected<Error> bad_case(std::size_t index, std::string_view what) {
  return client_error(Code::invalid_value, fmt::format("results[{}]: {}", index, what), "results");
}

// A case: its name, whether it passed, what was missed, tokens and milliseconds.
Result<json> case_of(const json& given, std::size_t index) {
  if (!given.is_object()) return bad_case(index, "want an object");
  json out = json::object();
  for (const auto& [name, value] : given.items()) {
    const bool is_text =
        value.is_string() && value.get_ref<const std::string&>().size() <= kTextMax;
    const bool is_count = value.is_number_unsigned();
    const bool is_list =
        value.is_array() && value.size() <= 32 && std::ranges::all_of(value, [](const json& one) {
          return one.is_string() && one.get_ref<const std::string&>().size() <= kTextMax;
        });
    const bool fits = (name == "name" && is_text) || (name == "passed" && value.is_boolean()) ||
                      (name == "failures" && is_list) ||
                      ((name == "output_tokens" || name == "ms") && is_count);
    if (!fits) {
      return bad_case(index,
                      fmt::format("'{}': want name, passed, failures (texts), output_tokens, "
                                  "ms, texts of at most {} bytes",
                                  name, kTextMax));
    }
    out[name] = value;
  }
  if (!out.contains("name") || !out.contains("passed"))
    return bad_case(index, "want a name and whether it passed");
  if (out["passed"].get<bool>() && out.contains("failures") && !out["failures"].empty())
    return bad_case(index, "it passed, and has failures");
  return out;
}

Result<std::string> text_member(const json& body, const char* name) {
  const auto found = body.find(name);
  if (found == body.end())
    return client_error(Code::missing_required_parameter, fmt::format("'{}': is missing", name),
                        name);
  if (!found->is_string() || found->get_ref<const std::string&>().empty() ||
      found->get_ref<const std::string&>().size() > kTextMax)
    return client_error(Code::invalid_type, fmt::format("'{}': want a text", name), name);
  return found->get<std::string>();
}

}  // namespace

Result<AdminReply> AdminArtifacts::call(AdminRequest& request) {
  if (request.is("POST", 1)) return create(request);
  TRY(const store::ControlData data, request.store->load());
  if (request.is("GET", 1)) {
    const auto stage = request.take("stage");
    const auto name = request.take("name");
    if (stage && !catalog::parse_artifact_stage(*stage)) {
      return client_error(Code::invalid_value,
                          "want draft, testing, released, deprecated or retired", "stage");
    }
    std::vector<ArtifactRecord> wanted = data.artifacts;
    std::erase_if(wanted, [&](const ArtifactRecord& artifact) {
      return (stage && catalog::name(artifact.release.stage) != *stage) ||
             (name && artifact.name.model() != *name);
    });
    return page<ArtifactRecord>(
        request, wanted, [](const ArtifactRecord& a) { return a.name.text(); },
        [&](const ArtifactRecord& a) {
          JsonText out = shown(a, data);
          add_meta(out, a.meta);
          return out.end();
        });
  }
  TRY(ArtifactRecord artifact, find_artifact(data, request.path[1]));
  if (request.path.size() == 3 && request.reads()) {
    TRY(const std::vector<TestRunRecord> runs, request.store->test_runs(artifact.id));
    return page<TestRunRecord>(
        request, runs, [](const TestRunRecord& run) { return run.id.value.text(); },
        whole_test_json);
  }
  TRY_VOID(request.no_more_query());
  if (request.path.size() == 3)
    return request.path[2] == "tests" ? add_test(request, artifact)
                                      : move(request, std::move(artifact));
  if (request.reads()) return show(request, artifact, data, 200);
  if (request.call.method == "PATCH") return change(request, std::move(artifact));
  return remove(request, artifact, data);
}

Result<AdminReply> AdminArtifacts::show(AdminRequest& request, const ArtifactRecord& artifact,
                                        const store::ControlData& data, int status) const {
  TRY(const std::vector<TestRunRecord> runs, request.store->test_runs(artifact.id));
  JsonText out = shown(artifact, data);
  runs.empty() ? out.null("test") : out.raw("test", test_json(runs.back()));
  add_meta(out, artifact.meta);
  return AdminReply{status, out.end(), etag_of(artifact.meta.revision)};
}

Result<AdminReply> AdminArtifacts::create(AdminRequest& request) {
  JsonBody body(request.call.body);
  const std::string name_text = body.required_text("name");
  const std::string version = body.required_text("version");
  const std::string format = body.required_text("format");
  const std::string digest = body.required_text("digest");
  const auto bytes = body.number("bytes", 1, kCountMax);
  const auto architecture = body.text("architecture");
  const auto quantisation = body.text("quantisation");
  const auto parameters = body.number("parameters", 0, kCountMax);
  const auto context = body.number("context_tokens", 0, kCountMax);
  const Description description = Description::read(body);
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY_VOID(must_want_new(request));
  if (!bytes) return client_error(Code::missing_required_parameter, "'bytes': is missing", "bytes");
  if (std::ranges::find(kFormats, format) == kFormats.end())
    return client_error(Code::invalid_value, "want gguf or safetensors", "format");
  auto name = catalog::ArtifactName::make(name_text, version);
  if (!name) return fail(std::move(name).error().with_param("name"));
  TRY(const store::ControlData data, request.store->load());
  if (data.artifacts.size() >= kArtifactsMax) {
    return client_error(
        Code::conflict,
        fmt::format("there are {} artifacts already: delete retired ones", kArtifactsMax));
  }
  ArtifactRecord artifact{.id = {request.ids->next()}, .name = *std::move(name)};
  artifact.format = format;
  TRY(artifact.digest, digest_of(digest));
  artifact.bytes = *bytes;
  artifact.architecture = architecture.value_or("");
  artifact.quantisation = quantisation.value_or("");
  artifact.parameters = parameters.value_or(0);
  artifact.context_tokens = context.value_or(0);
  TRY_VOID(description.put_into(artifact));
  if (parts_.has_files) TRY_VOID(parts_.has_files(artifact));
  TRY(artifact, request.store->create(std::move(artifact)));
  return show(request, artifact, data, 201);
}

Result<AdminReply> AdminArtifacts::change(AdminRequest& request, ArtifactRecord artifact) {
  JsonBody body(request.call.body);
  const Description description = Description::read(body);
  TRY_VOID(body.done());
  TRY(artifact.meta.revision, revision(request, artifact.meta.revision));
  TRY_VOID(description.put_into(artifact));
  if (!body.is_empty()) {
    TRY(artifact, request.store->update(artifact));
  }
  TRY(const store::ControlData data, request.store->load());
  return show(request, artifact, data, 200);
}

Result<AdminReply> AdminArtifacts::remove(AdminRequest& request, const ArtifactRecord& artifact,
                                          const store::ControlData& data) {
  using enum catalog::ArtifactStage;
  if (artifact.release.stage != draft && artifact.release.stage != retired) {
    return client_error(Code::conflict,
                        fmt::format("it is {}: only what is draft or retired is deleted",
                                    catalog::name(artifact.release.stage)));
  }
  for (const catalog::Model& model : data.models) {
    if (model.artifact != artifact.name.text()) continue;
    return client_error(
        Code::conflict,
        fmt::format("the model '{}' serves it: change the model first", model.name.text()));
  }
  if (parts_.engine_of) {
    if (const std::string engine = parts_.engine_of(artifact); !engine.empty()) {
      return client_error(
          Code::conflict,
          fmt::format("the engine '{}' of the configuration file loads its files", engine));
    }
  }
  TRY(const std::int64_t at, revision(request, artifact.meta.revision));
  TRY_VOID(request.store->remove(artifact.id, at));
  const bool is_shared = std::ranges::any_of(data.artifacts, [&](const ArtifactRecord& other) {
    return other.id != artifact.id && other.digest == artifact.digest;
  });
  if (!is_shared && parts_.drop_files)
    request.afterwards = [this, artifact](AdminReply&) { parts_.drop_files(artifact); };
  return AdminReply{.status = 204};
}

Result<AdminReply> AdminArtifacts::move(AdminRequest& request, ArtifactRecord artifact) {
  JsonBody body(request.call.body);
  const std::string stage_text = body.required_text("stage");
  const auto tenants = body.texts("tenants");
  const bool all_tenants = body.is_null("tenants");
  const auto retires_text = body.text("retires_at");
  const auto without_test = body.text("without_test");
  TRY_VOID(body.done());
  const auto stage = catalog::parse_artifact_stage(stage_text);
  if (!stage) {
    return client_error(Code::invalid_value, "want draft, testing, released, deprecated or retired",
                        "stage");
  }
  TRY(const auto retires_at, time_of(retires_text, "retires_at"));
  if (retires_at && *stage != catalog::ArtifactStage::deprecated)
    return client_error(Code::invalid_value, "only for the stage deprecated", "retires_at");
  const bool has_audience =
      *stage == catalog::ArtifactStage::testing || *stage == catalog::ArtifactStage::released;
  if ((tenants || all_tenants) && !has_audience)
    return client_error(Code::invalid_value, "only for the stages testing and released", "tenants");
  if (without_test && without_test->empty())
    return client_error(Code::invalid_value, "want a reason", "without_test");
  TRY(const std::vector<TestRunRecord> runs, request.store->test_runs(artifact.id));
  TRY(artifact.meta.revision, revision(request, artifact.meta.revision));
  TRY_VOID(
      catalog::check_move(artifact.release, {.to = *stage,
                                             .is_tested = !runs.empty() && runs.back().is_good(),
                                             .waives_test = without_test.has_value(),
                                             .retires_at = retires_at,
                                             .now = parts_.clock.wall_now()}));
  TRY(const store::ControlData data, request.store->load());
  catalog::Release& release = artifact.release;
  // Who tested it is not whom it is released to; who was told of its end stays told.
  const bool keeps_audience = release.stage == catalog::ArtifactStage::deprecated ||
                              *stage == catalog::ArtifactStage::deprecated;
  if (has_audience && !keeps_audience && !tenants && !all_tenants) {
    return client_error(Code::missing_required_parameter,
                        "want the tenants that may call it: a list, or null for all", "tenants");
  }
  if (tenants || all_tenants) {
    release.for_all_tenants = all_tenants;
    release.tenants.clear();
  }
  for (const std::string& slug : tenants.value_or(std::vector<std::string>())) {
    auto tenant = find_tenant(data, slug);
    if (!tenant) return fail(std::move(tenant).error().with_param("tenants"));
    release.tenants.insert(tenant->id);
  }
  const bool was_deprecated = release.stage == catalog::ArtifactStage::deprecated;
  const bool is_deprecated = *stage == catalog::ArtifactStage::deprecated;
  if (is_deprecated != was_deprecated) {
    const auto since = is_deprecated ? std::optional(parts_.clock.wall_now()) : std::nullopt;
    TRY_VOID(note_deprecated(*request.store, artifact.id, since));
  }
  release.stage = *stage;
  release.retires_at = *stage == catalog::ArtifactStage::deprecated ? retires_at : std::nullopt;
  TRY(artifact, request.store->update(artifact));
  return show(request, artifact, data, 200);
}

Result<AdminReply> AdminArtifacts::add_test(AdminRequest& request, const ArtifactRecord& artifact) {
  TRY_VOID(must_want_new(request));
  TRY(const json body, parse_json_object(request.call.body));
  for (const auto& [name, value] : body.items()) {
    if (name != "set" && name != "model" && name != "results")
      return client_error(Code::unsupported_parameter, fmt::format("'{}': unknown", name), name);
  }
  TestRunRecord run{.id = {request.ids->next()}, .artifact = artifact.id};
  TRY(run.set, text_member(body, "set"));
  TRY(run.model, text_member(body, "model"));
  TRY(const store::ControlData data, request.store->load());
  const bool serves_it = std::ranges::any_of(data.models, [&](const catalog::Model& model) {
    return model.name.text() == run.model && model.artifact == artifact.name.text();
  });
  if (!serves_it)
    return client_error(
        Code::invalid_value,
        fmt::format("the model '{}' does not serve {}", run.model, artifact.name.text()), "model");
  const json given = body.value("results", json());
  if (!given.is_array() || given.empty() || given.size() > kCasesMax) {
    return client_error(Code::invalid_value,
                        fmt::format("'results': want 1 to {} cases", kCasesMax), "results");
  }
  json results = json::array();
  for (std::size_t i = 0; i < given.size(); ++i) {
    TRY(json one, case_of(given[i], i));
    ++(one["passed"].get<bool>() ? run.passed : run.failed);
    results.push_back(std::move(one));
  }
  run.results = text_of(results);
  TRY(const TestRunRecord made, request.store->create(std::move(run)));
  return AdminReply{.status = 201, .body = whole_test_json(made)};
}

}  // namespace sovmesh::control

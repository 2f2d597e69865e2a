#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_body.h"
#include "control/json_text.h"

// The engines of the admin API: those of the configuration file are shown, remote ones can be
// added and removed while the server runs.
namespace sovmesh::control {
namespace {

constexpr std::size_t kNameMax = 40;
constexpr std::int64_t kSlotsMax = 4'096;
constexpr std::int64_t kSlotsUsual = 64;

// A metrics label and a part of URLs.
bool is_engine_name(std::string_view text) {
  const auto fine = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !text.empty() && text.size() <= kNameMax && text.front() >= 'a' && text.front() <= 'z' &&
         std::ranges::all_of(text, fine);
}

const store::EngineRecord* record_of(const store::ControlData& data, std::string_view name) {
  const auto found = std::ranges::find_if(data.engines, [&](const store::EngineRecord& record) {
    return record.name == name || record.id.value.text() == name;
  });
  return found == data.engines.end() ? nullptr : &*found;
}

// What it says of everything on it, other gateways' requests included.
std::string load_json(const engine::LoadReading& load) {
  JsonText json;
  json.number("running", load.running).number("waiting", load.waiting);
  load.kv_used ? json.number("kv_used_percent", std::llround(*load.kv_used * 100))
               : json.null("kv_used_percent");
  load.kv_tokens ? json.number("kv_tokens", *load.kv_tokens) : json.null("kv_tokens");
  return json.end();
}

std::string state_json(const engine::Engine& engine, std::string_view condition) {
  const engine::Status status = engine.status();
  JsonText json;
  json.text("state", engine::name(status.state));
  if (!condition.empty()) json.text("condition", condition);
  json.text("reason", std::string_view(status.reason))
      .time("since", status.since)
      .number("restarts", status.restarts);
  status.pid ? json.number("pid", *status.pid) : json.null("pid");
  const auto load = engine.load();
  load ? json.raw("load", load_json(*load)) : json.null("load");
  return json.end();
}

// One object of the members of two; each has some.
std::string joined(std::string first, const std::string& second) {
  first.back() = ',';
  return first + second.substr(1);
}

}  // namespace

std::string AdminApi::show_engine(const engine::Engine& engine,
                                  const store::ControlData& data) const {
  const std::string state = state_json(
      engine, parts_.engine_condition ? parts_.engine_condition(engine) : std::string_view());
  if (const auto* record = record_of(data, engine.name())) return joined(to_json(*record), state);
  const auto source = parts_.publisher.file_engine(engine.name());
  JsonText json;
  json.text("name", engine.name())
      .text("dialect", llmapi::name(engine.dialect()))
      .number("slots", engine.slots())
      .text("managed_by", "file")
      .text("source", std::string_view(source.value_or("")));
  return joined(json.end(), state);
}

Result<AdminReply> AdminApi::engines(Request& request) {
  if (request.is("POST", 1) || request.is("PUT", 2)) return create_engine(request);
  TRY(const store::ControlData data, request.store->load());
  if (request.is("GET", 1)) {
    TRY(const Narrowing only, narrowing(request));
    auto running = parts_.engines();
    std::erase_if(running, [&](const auto& engine) {
      const bool is_ours = record_of(data, engine->name()) != nullptr;
      return !only.fits(is_ours ? "api" : "file", {engine->name()});
    });
    return page<std::shared_ptr<engine::Engine>>(
        request, running, [](const auto& engine) { return std::string(engine->name()); },
        [&](const auto& engine) { return show_engine(*engine, data); });
  }
  TRY_VOID(request.no_more_query());
  const auto* record = record_of(data, request.path[1]);
  const std::string name = record != nullptr ? record->name : request.path[1];
  if (request.call.method == "GET") {
    for (const auto& engine : parts_.engines()) {
      if (engine->name() != name) continue;
      return AdminReply{.body = show_engine(*engine, data),
                        .etag = record == nullptr ? "" : etag_of(record->meta.revision)};
    }
    return no_such("engine", name, engine_names());
  }
  if (request.call.method != "DELETE") return fail(no_such_method(request));
  return delete_engine(request, name, data);
}

std::vector<std::string> AdminApi::engine_names() const {
  std::vector<std::string> names;
  for (const auto& engine : parts_.engines())
    names.emplace_back(engine->name());
  return names;
}

void AdminApi::run_afterwards(Request& request, std::vector<store::EngineRecord> engines) const {
  if (!parts_.run_engines) return;
  request.afterwards = [this, engines = std::move(engines)](AdminReply&) {
    parts_.run_engines(engines);
  };
}

Result<AdminReply> AdminApi::create_engine(Request& request) {
  JsonBody body(request.call.body);
  store::EngineRecord record{.id = {request.ids->next()}};
  record.name = body.required_text("name");
  record.url = body.required_text("url");
  record.dialect = body.text("dialect").value_or("openai");
  record.slots = body.number("slots", 1, kSlotsMax).value_or(kSlotsUsual);
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  if (!is_engine_name(record.name)) {
    return client_error(Code::invalid_value,
                        "want 1 to 40 characters of a-z, 0-9 and '-', the first a letter", "name");
  }
  if (const auto source = parts_.publisher.file_engine(record.name))
    return files_alone(fmt::format("engine '{}'", record.name), *source);
  TRY_VOID(must_be_name_of_path(request, record.name, "name"));
  TRY(store::ControlData data, request.store->load());
  if (request.call.method == "PUT" && record_of(data, record.name) != nullptr)
    return replace_engine(request, std::move(record), std::move(data));
  TRY_VOID(must_want_new(request));
  if (data.engines.size() >= kEnginesMax)
    return client_error(Code::conflict, fmt::format("there are {} engines already", kEnginesMax));
  if (parts_.check_engine) TRY_VOID(parts_.check_engine(record));
  TRY(record, request.store->create(std::move(record)));
  data.engines.push_back(record);
  run_afterwards(request, std::move(data.engines));
  return AdminReply{201, to_json(record), etag_of(record.meta.revision)};
}

namespace {

// An engine is not taken from under a model, be it for good or to begin anew elsewhere.
Result<void> check_engine_unused(const store::ControlData& data, const std::string& name) {
  for (const catalog::Model& model : data.models) {
    const std::vector<std::string> engines = engines_of(model);
    if (std::ranges::find(engines, name) == engines.end()) continue;
    return client_error(Code::conflict,
                        fmt::format("the model '{}' needs the engine", model.name.text()));
  }
  return {};
}

}  // namespace

// The same again changes nothing; anything else only while no model needs it.
Result<AdminReply> AdminApi::replace_engine(Request& request, store::EngineRecord wanted,
                                            store::ControlData data) {
  const store::EngineRecord before = *record_of(data, wanted.name);
  wanted.id = before.id;
  wanted.meta = before.meta;
  TRY(wanted.meta.revision, revision(request, before.meta.revision));
  request.changes_nothing = to_json(wanted) == to_json(before);
  if (request.changes_nothing)
    return AdminReply{200, to_json(wanted), etag_of(wanted.meta.revision)};
  TRY_VOID(check_engine_unused(data, wanted.name));
  if (parts_.check_engine) TRY_VOID(parts_.check_engine(wanted));
  TRY(wanted, request.store->update(wanted));
  *std::ranges::find(data.engines, wanted.id, &store::EngineRecord::id) = wanted;
  run_afterwards(request, std::move(data.engines));
  return AdminReply{200, to_json(wanted), etag_of(wanted.meta.revision)};
}

Result<AdminReply> AdminApi::delete_engine(Request& request, const std::string& name,
                                           store::ControlData data) {
  if (const auto source = parts_.publisher.file_engine(name))
    return files_alone(fmt::format("engine '{}'", name), *source);
  const auto* record = record_of(data, name);
  if (record == nullptr) return no_such("engine", name, engine_names());
  TRY(const std::int64_t at, revision(request, record->meta.revision));
  TRY_VOID(check_engine_unused(data, name));
  TRY_VOID(request.store->remove(record->id, at));
  std::erase_if(data.engines, [&](const auto& other) { return other.name == name; });
  run_afterwards(request, std::move(data.engines));
  return AdminReply{.status = 204};
}

}  // namespace sovmesh::control

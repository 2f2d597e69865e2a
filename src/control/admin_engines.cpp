#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/bytes.h"
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

// One object of the members of two; each has some.
std::string joined(std::string first, const std::string& second) {
  first.back() = ',';
  return first + second.substr(1);
}

}  // namespace

std::string AdminApi::engine_state(const engine::Engine& engine,
                                   const engine::Status& status) const {
  JsonText json;
  json.text("state", engine::name(status.state));
  if (parts_.engine_condition) json.text("condition", parts_.engine_condition(engine));
  json.text("reason", std::string_view(status.reason))
      .time("since", status.since)
      .number("restarts", status.restarts)
      .flag("supervised", engine.is_managed())
      .flag("out_of_service", status.is_out_of_service);
  status.pid ? json.number("pid", *status.pid) : json.null("pid");
  const auto memory = status.pid ? engine.memory_bytes() : std::nullopt;
  memory ? json.number("memory_bytes", *memory) : json.null("memory_bytes");
  if (parts_.engine_work.in_flight)
    json.number("in_flight", static_cast<std::int64_t>(parts_.engine_work.in_flight(engine)));
  const auto load = engine.load();
  load ? json.raw("load", load_json(*load)) : json.null("load");
  return json.end();
}

std::string AdminApi::show_engine(const engine::Engine& engine,
                                  const store::ControlData& data) const {
  return joined(describe_engine(engine, data), engine_state(engine, engine.status()));
}

// Without its state.
std::string AdminApi::describe_engine(const engine::Engine& engine,
                                      const store::ControlData& data) const {
  if (const auto* record = record_of(data, engine.name())) return to_json(*record);
  const auto source = parts_.publisher.file_engine(engine.name());
  JsonText json;
  json.text("name", engine.name())
      .text("dialect", llmapi::name(engine.dialect()))
      .number("slots", engine.slots())
      .text("managed_by", "file")
      .text("source", std::string_view(source.value_or("")));
  return json.end();
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
  const auto* record = record_of(data, request.path[1]);
  const std::string name = record != nullptr ? record->name : request.path[1];
  request.object = name;  // those of the file have no id, so the log names all by their name
  if (request.call.method == "DELETE") {
    TRY_VOID(request.no_more_query());
    return delete_engine(request, name, data);
  }
  const auto engine = running_engine(name);
  if (!engine) return no_such("engine", name, engine_names());
  const std::string what = request.path.size() > 2 ? request.path[2] : "";
  if (what == "log") return engine_log(request, *engine);
  TRY_VOID(request.no_more_query());
  if (what == "stop") return stop_engine(request, engine, data);
  if (what == "start") return start_engine(request, engine, data);
  if (request.call.method != "GET") return fail(no_such_method(request));
  return AdminReply{.body = show_engine(*engine, data),
                    .etag = record == nullptr ? "" : etag_of(record->meta.revision)};
}

std::shared_ptr<engine::Engine> AdminApi::running_engine(const std::string& name) const {
  for (const auto& engine : parts_.engines())
    if (engine->name() == name) return engine;
  return nullptr;
}

// It works when the entry of it is in the log; until then what is expected of it is told.
AdminReply AdminApi::switched(Request& request, const std::shared_ptr<engine::Engine>& engine,
                              const store::ControlData& data, engine::Status expected,
                              std::function<void()> work) const {
  const auto* const record = record_of(data, engine->name());
  std::string about = describe_engine(*engine, data);
  AdminReply reply{.status = 200,
                   .body = joined(about, engine_state(*engine, expected)),
                   .etag = record == nullptr ? "" : etag_of(record->meta.revision)};
  if (request.changes_nothing) return reply;
  request.afterwards = [this, engine, about = std::move(about),
                        work = std::move(work)](AdminReply& told) {
    work();
    told.body = joined(about, engine_state(*engine, engine->status()));
  };
  return reply;
}

namespace {

// Of one that the API made, its revision; those of the file have none.
Result<void> check_revision(const AdminRequest& request, const store::EngineRecord* record) {
  if (record == nullptr) return must_be_without_revision(request);
  TRY_VOID(revision(request, record->meta.revision));
  return {};
}

}  // namespace

Result<AdminReply> AdminApi::stop_engine(Request& request,
                                         const std::shared_ptr<engine::Engine>& engine,
                                         const store::ControlData& data) {
  JsonBody body(request.call.body);
  const std::chrono::seconds grace(
      body.number("grace_s", 0, kGraceMax.count()).value_or(kGraceUsual.count()));
  TRY_VOID(body.done());
  TRY_VOID(check_revision(request, record_of(data, engine->name())));
  engine::Status expected = engine->status();
  request.changes_nothing = expected.is_out_of_service && expected.state == engine::State::stopped;
  expected.is_out_of_service = true;
  expected.state = engine::State::stopped;
  expected.reason = "stopped by an administrator";
  expected.pid.reset();
  return switched(request, engine, data, expected, [this, engine, grace] {
    if (parts_.engine_work.stop) parts_.engine_work.stop(engine, grace);
  });
}

Result<AdminReply> AdminApi::start_engine(Request& request,
                                          const std::shared_ptr<engine::Engine>& engine,
                                          const store::ControlData& data) {
  JsonBody body(request.call.body);
  TRY_VOID(body.done());
  TRY_VOID(check_revision(request, record_of(data, engine->name())));
  engine::Status expected = engine->status();
  const bool is_at_work =
      expected.state != engine::State::stopped && expected.state != engine::State::backing_off;
  request.changes_nothing = !expected.is_out_of_service && is_at_work;
  if (!request.changes_nothing) {
    expected.is_out_of_service = false;
    expected.state = engine::State::starting;
    expected.reason = "starting";
  }
  return switched(request, engine, data, expected, [this, engine] {
    if (parts_.engine_work.start) parts_.engine_work.start(engine);
  });
}

// The newest lines, the oldest of them first. The engine keeps none that may quote requests.
Result<AdminReply> AdminApi::engine_log(Request& request, const engine::Engine& engine) {
  const auto text = request.take("lines");
  TRY_VOID(request.no_more_query());
  const auto wanted = text ? parse_u64(*text) : std::optional<std::uint64_t>(kLogLinesMax);
  if (!wanted || *wanted < 1 || *wanted > static_cast<std::uint64_t>(kLogLinesMax))
    return client_error(Code::invalid_value, fmt::format("want 1 to {} lines", kLogLinesMax),
                        "lines");
  if (!engine.is_managed())
    return client_error(
        Code::conflict,
        fmt::format("the engine '{}' runs elsewhere: its log is kept there", engine.name()));
  std::vector<std::string> lines = engine.recent_log();
  if (lines.size() > *wanted)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(*wanted));
  return AdminReply{
      .body = JsonText()
                  .text("name", engine.name())
                  .texts("lines", lines)
                  .number("withheld", static_cast<std::int64_t>(engine.withheld_log_lines()))
                  .end()};
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
  request.object = record.name;
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

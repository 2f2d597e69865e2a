#include "control/route_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/time_text.h"
#include "config/describe.h"
#include "config/values.h"
#include "control/json_object.h"

namespace sovmesh::control {
namespace {

using config::Bounds;
using config::kAny;
using nlohmann::json;

constexpr std::size_t kTextMax = 1'024;  // bytes of one string
constexpr std::size_t kListMax = 1'000;  // entries of one list

// Visits one JSON object. Remembers the first error; finish() finds what nobody asked for.
class JsonVisitor {
 public:
  JsonVisitor(const json& object, std::string at, RouteText says, std::optional<Error>& error)
      : object_(object), at_(std::move(at)), says_(says), error_(error) {}

  void finish() {
    for (const auto& [name, value] : object_.items()) {
      if (std::ranges::find(names_, name) != names_.end()) continue;
      const std::string_view list = at_.starts_with("fallbacks[")  ? "fallback"
                                    : at_.starts_with("versions[") ? "version"
                                                                   : "";
      const std::string_view place = config::hint_of_place(list, name);
      const std::string_view hint = closest(name, names_);
      wrong(Code::unsupported_parameter, name,
            !place.empty() ? fmt::format("unknown; {}", place)
            : hint.empty() ? "unknown"
                           : fmt::format("unknown; did you mean '{}'?", hint));
    }
  }

  void position(config::Position&) {}
  void given(config::Given&) {}
  template <class T>
  void field(std::string_view name, T& out, std::string_view, Bounds bounds = kAny) {
    if (const json* value = find(name)) read(name, *value, out, bounds);
  }
  template <class T>
  void required(std::string_view name, T& out, std::string_view sentence, Bounds bounds = kAny) {
    field(name, out, sentence, bounds);
    if (says_ == RouteText::whole && !object_.contains(name))
      wrong(Code::missing_required_parameter, name, "is missing");
  }
  void choice(std::string_view name, std::string& out, std::string_view sentence,
              std::initializer_list<std::string_view> allowed) {
    field(name, out, sentence);
    if (std::ranges::find(allowed, out) == allowed.end())
      wrong(Code::invalid_value, name, fmt::format("want one of {}", fmt::join(allowed, ", ")));
  }
  template <class T>
  void optional_section(std::string_view name, std::optional<T>& out, std::string_view) {
    const json* value = find(name);
    if (value == nullptr) return;
    out.reset();  // replaced as a whole, also where the rest stays
    if (!value->is_null()) visit(*value, std::string(name), out.emplace());
  }
  template <class T>
  void list(std::string_view name, std::vector<T>& out, std::string_view) {
    const json* value = find(name);
    if (value == nullptr) return;
    out.clear();
    if (value->is_null() || !is_list(name, *value)) return;
    for (std::size_t i = 0; i < value->size(); ++i)
      visit((*value)[i], fmt::format("{}[{}]", name, i), out.emplace_back());
  }

 private:
  void wrong(Code code, std::string_view name, std::string_view wanted) {
    if (error_) return;
    const std::string param = at_ + std::string(name);
    error_ = Error(code, Blame::client, fmt::format("'{}': {}", param, wanted)).with_param(param);
  }

  const json* find(std::string_view name) {
    names_.push_back(name);
    const auto value = object_.find(name);
    return value == object_.end() ? nullptr : &*value;
  }

  template <class T>
  void visit(const json& value, const std::string& name, T& out) {
    if (!value.is_object()) return wrong(Code::invalid_type, name, "want an object");
    JsonVisitor inner(value, fmt::format("{}{}.", at_, name), RouteText::whole, error_);
    describe(inner, out);
    inner.finish();
  }

  bool is_list(std::string_view name, const json& value) {
    if (!value.is_array()) wrong(Code::invalid_type, name, "want a list");
    if (value.size() > kListMax)
      wrong(Code::array_above_max_length, name, "the list has too many entries");
    return !error_;
  }

  void read(std::string_view name, const json& value, std::string& out, Bounds) {
    if (!value.is_string()) return wrong(Code::invalid_type, name, "want a string");
    out = value.get<std::string>();
    if (out.size() > kTextMax) wrong(Code::string_above_max_length, name, "the text is too long");
  }
  void read(std::string_view name, const json& value, std::int64_t& out, Bounds bounds) {
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() || value.get<std::uint64_t>() <= INT64_MAX);
    if (!fits) return wrong(Code::invalid_type, name, "want an integer");
    out = value.get<std::int64_t>();
    if (out < bounds.min)
      wrong(Code::integer_below_min_value, name, fmt::format("at least {}", bounds.min));
    if (out > bounds.max)
      wrong(Code::integer_above_max_value, name, fmt::format("at most {}", bounds.max));
  }
  void read(std::string_view name, const json& value, int& out, Bounds bounds) {
    std::int64_t number = out;
    read(name, value, number, bounds);
    if (!error_) out = static_cast<int>(number);
  }
  void read(std::string_view name, const json& value, Decimal& out, Bounds bounds) {
    if (!value.is_number()) return wrong(Code::invalid_type, name, "want a number");
    const auto parsed = config::parse_value(value.dump(), out, bounds);
    if (!parsed) wrong(Code::invalid_value, name, parsed.error().message());
  }
  void read(std::string_view name, const json& value, std::chrono::milliseconds& out,
            Bounds bounds) {
    if (!value.is_string()) return wrong(Code::invalid_type, name, "want a duration, as \"30s\"");
    const auto parsed = config::parse_value(value.get_ref<const std::string&>(), out, bounds);
    if (!parsed) wrong(Code::invalid_value, name, parsed.error().message());
  }
  template <class T>
  void read(std::string_view name, const json& value, std::optional<T>& out, Bounds bounds) {
    out.reset();
    if (!value.is_null()) read(name, value, out.emplace(), bounds);
  }
  void read(std::string_view name, const json& value, std::vector<std::string>& out, Bounds) {
    if (!is_list(name, value)) return;
    out.clear();
    for (std::size_t i = 0; i < value.size(); ++i)
      read(fmt::format("{}[{}]", name, i), value[i], out.emplace_back(), kAny);
  }

  const json& object_;
  std::string at_;
  RouteText says_;
  std::optional<Error>& error_;
  std::vector<std::string_view> names_;
};

JsonText& add_duration(JsonText& json, std::string_view name,
                       const std::optional<std::chrono::milliseconds>& time) {
  return time ? json.text(name, std::string_view(duration_text(*time))) : json.null(name);
}

std::string version_json(const config::RouteVersion& version, const std::string* share) {
  JsonText json;
  json.text("model", std::string_view(version.model))
      .text("stage", std::string_view(version.stage))
      .number("weight", version.weight);
  if (share != nullptr) json.text("share", std::string_view(*share));
  return json.end();
}

// A header or a label.
template <class T>
std::string match_json(const T& match) {
  return JsonText()
      .text("name", std::string_view(match.name))
      .text("value", std::string_view(match.value))
      .end();
}

std::string grey_json(const config::GreyChannel& grey) {
  JsonText json;
  json.text("name", std::string_view(grey.name))
      .text("version", std::string_view(grey.version))
      .texts("tenants", grey.tenants);
  if (grey.key_label) json.raw("key_label", match_json(*grey.key_label));
  return json.end();
}

template <class T>
std::string list_json(const std::vector<T>& objects, std::string (&show)(const T&)) {
  std::vector<std::string> jsons;
  for (const T& object : objects)
    jsons.push_back(show(object));
  return json_list(jsons);
}

std::string condition_json(const config::RouteCondition& condition) {
  JsonText json;
  json.text("name", std::string_view(condition.name))
      .text("version", std::string_view(condition.version))
      .raw("headers", list_json(condition.headers, match_json<config::HeaderMatch>));
  if (!condition.key_labels.empty())
    json.raw("key_labels", list_json(condition.key_labels, match_json<config::KeyLabel>));
  if (!condition.tenant.empty()) json.text("tenant", std::string_view(condition.tenant));
  if (!condition.project.empty()) json.text("project", std::string_view(condition.project));
  return json.end();
}

std::string fallback_json(const config::RouteFallback& fallback) {
  JsonText json;
  if (fallback.route.empty())
    json.text("model", std::string_view(fallback.model));
  else
    json.text("route", std::string_view(fallback.route));
  return json.end();
}

std::string mirror_json(const config::RouteMirror& mirror) {
  return JsonText()
      .text("version", std::string_view(mirror.version))
      .raw("share", to_text(mirror.share))
      .number("in_flight_max", mirror.in_flight_max)
      .number("prompt_bytes_max", mirror.prompt_bytes_max)
      .end();
}

std::string timeouts_json(const config::RouteTimeouts& times) {
  JsonText json;
  add_duration(json, "connect", times.connect);
  add_duration(json, "first_token", times.first_token);
  add_duration(json, "first_token_per_1000", times.first_token_per_1000);
  add_duration(json, "inter_token", times.inter_token);
  return add_duration(json, "total", times.total).end();
}

}  // namespace

Result<void> read_route(std::string_view text, RouteText says, config::Route& route) {
  TRY(const json object, parse_json_object(text));
  std::optional<Error> error;
  JsonVisitor visitor(object, "", says, error);
  describe(visitor, route);
  visitor.finish();
  if (error) return fail(*std::move(error));
  return {};
}

void add_route(JsonText& json, const config::Route& route, const std::vector<std::string>& shares) {
  std::vector<std::string> versions;
  for (std::size_t i = 0; i < route.versions.size(); ++i)
    versions.push_back(version_json(route.versions[i], i < shares.size() ? &shares[i] : nullptr));
  json.text("name", std::string_view(route.name))
      .raw("versions", json_list(versions))
      .text("sticky", std::string_view(route.sticky));
  route.grey ? json.raw("grey", grey_json(*route.grey)) : json.null("grey");
  route.mirror ? json.raw("mirror", mirror_json(*route.mirror)) : json.null("mirror");
  json.raw("conditions", list_json(route.conditions, condition_json))
      .raw("fallbacks", list_json(route.fallbacks, fallback_json));
  route.timeouts ? json.raw("timeouts", timeouts_json(*route.timeouts)) : json.null("timeouts");
}

std::string route_json(const config::Route& route) {
  JsonText json;
  add_route(json, route);
  return json.end();
}

}  // namespace sovmesh::control

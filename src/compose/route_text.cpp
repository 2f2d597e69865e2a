#include "compose/route_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"
#include "compose/admin_cli.h"

namespace sovmesh::compose {
namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view kNone = "none";
constexpr std::string_view kRoutePrefix = "route:";

std::unexpected<Error> wrong(std::string_view option, std::string_view text,
                             std::string_view want) {
  return client_error(Code::invalid_value, fmt::format("{} '{}': want {}", option, text, want));
}

struct Halves {
  std::string before, after;
};
std::optional<Halves> split(std::string_view text, std::size_t at) {
  if (at == text.npos || at == 0 || at + 1 == text.size()) return std::nullopt;
  return Halves{.before = std::string(text.substr(0, at)),
                .after = std::string(text.substr(at + 1))};
}

Result<json> version_of(const std::string& text, bool is_first) {
  constexpr std::string_view kWant = "MODEL=WEIGHT or MODEL=WEIGHT:STAGE";
  auto said = split(text, text.rfind('='));
  if (!said) return wrong("--version", text, kWant);
  std::string stage = is_first ? "stable" : "canary";
  if (auto parts = split(said->after, said->after.find(':'))) {
    said->after = parts->before;
    stage = parts->after;
  }
  const auto weight = parse_u64(said->after);
  if (!weight) return wrong("--version", text, kWant);
  return json{{"model", said->before}, {"weight", *weight}, {"stage", stage}};
}

// What a condition may look at: its option, its member, and its name for explanations.
struct ConditionKind {
  const char* option;
  const char* member;
  const char* name;
};
constexpr ConditionKind kByHeader{"--header", "headers", "header"};
constexpr ConditionKind kByLabel{"--key-label", "key_labels", "key-label"};

Result<json> condition_of(const std::string& text, const ConditionKind& kind, std::size_t i) {
  constexpr std::string_view kWant = "NAME:VALUE=MODEL";
  const auto said = split(text, text.rfind('='));
  const auto match = said ? split(said->before, said->before.find(':')) : std::nullopt;
  if (!match) return wrong(kind.option, text, kWant);
  json condition{{"name", fmt::format("{}-{}", kind.name, i + 1)}, {"version", said->after}};
  condition[kind.member].push_back({{"name", match->before}, {"value", trim(match->after)}});
  return condition;
}

json fallback_of(const std::string& text) {
  json out = json::object();
  if (text.starts_with(kRoutePrefix))
    out["route"] = text.substr(kRoutePrefix.size());
  else
    out["model"] = text;
  return out;
}

bool takes_back(const std::vector<std::string>& texts) {
  return texts.size() == 1 && texts.front() == kNone;
}

Result<void> add_conditions(json& out, const std::vector<std::string>& texts,
                            const ConditionKind& kind) {
  if (!texts.empty() && !out.contains("conditions")) out["conditions"] = json::array();
  for (std::size_t i = 0; i < texts.size() && !takes_back(texts); ++i) {
    TRY(json condition, condition_of(texts[i], kind, i));
    out["conditions"].push_back(std::move(condition));
  }
  return {};
}

Result<json> grey_of(const RouteWords& words) {
  const auto said = split(words.grey, words.grey.find('='));
  if (!said) return wrong("--grey", words.grey, "CHANNEL=MODEL");
  if (words.grey_tenants.empty())
    return client_error(Code::invalid_value, "--grey needs --grey-tenant: who takes part");
  return json{{"name", said->before}, {"version", said->after}, {"tenants", words.grey_tenants}};
}

Result<json> mirror_of(const std::string& text) {
  constexpr std::string_view kWant = "MODEL=PERCENT";
  const auto said = split(text, text.rfind('='));
  if (!said) return wrong("--mirror", text, kWant);
  const json share = json::parse(said->after, nullptr, false);
  if (!share.is_number()) return wrong("--mirror", text, kWant);
  return json{{"version", said->before}, {"share", share}};
}

// Of what YAML might take for something else it is a string in quotes.
std::string scalar(const json& value) {
  constexpr std::array<std::string_view, 4> kOthers{"null", "Null", "NULL", ""};
  if (!value.is_string()) return value.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string text = value.get<std::string>();
  const auto plain = [](char c) {
    return is_base62({&c, 1}) || c == '.' || c == '_' || c == '/' || c == '-';
  };
  const bool is_plain = std::ranges::all_of(text, plain) && is_base62(text.substr(0, 1)) &&
                        std::ranges::find(kOthers, text) == kOthers.end();
  if (is_plain) return text;
  // A file puts the environment in for "${NAME}"; this is how it is told "${".
  for (std::size_t at = text.find("${"); at != text.npos; at = text.find("${", at + 8))
    text.replace(at, 2, "${-:-$}{");
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

// On one line, without what is null.
std::string flow(const json& value) {
  std::string out;
  if (value.is_array()) {
    for (const json& one : value)
      out += (out.empty() ? "" : ", ") + flow(one);
    return "[" + out + "]";
  }
  if (!value.is_object()) return scalar(value);
  for (const auto& [name, member] : value.items()) {
    if (!member.is_null())
      out += fmt::format("{}{}: {}", out.empty() ? "" : ", ", name, flow(member));
  }
  return "{" + out + "}";
}

std::string text_at(const json& object, const char* name) {
  const json value = object.value(name, json());
  return value.is_string() ? printable(value.get<std::string>()) : std::string();
}

void add_list(std::string& out, const json& route, const char* name) {
  const json list = route.value(name, json::array());
  if (!list.is_array() || list.empty()) return;
  out += fmt::format("{}:\n", name);
  for (json one : list) {
    const std::string share = text_at(one, "share");  // of a version: no setting
    if (one.is_object()) one.erase("share");
    out += fmt::format("  - {}", flow(one));
    if (!share.empty()) out += fmt::format("  # {} now", share);
    out += "\n";
  }
}

std::string whose(const json& route) {
  if (text_at(route, "managed_by") == "file")
    return fmt::format("of the configuration file ({})", text_at(route, "source"));
  return fmt::format("of the admin API, revision {}", route.value("revision", 0));
}

}  // namespace

Result<std::string> route_members(const RouteWords& words) {
  json out = json::object();
  for (std::size_t i = 0; i < words.versions.size(); ++i) {
    TRY(json version, version_of(words.versions[i], i == 0));
    out["versions"].push_back(std::move(version));
  }
  if (!words.sticky.empty()) out["sticky"] = words.sticky;
  if (words.grey.empty() && !words.grey_tenants.empty())
    return client_error(Code::invalid_value, "--grey-tenant needs --grey: which channel");
  if (words.grey == kNone) {
    out["grey"] = nullptr;
  } else if (!words.grey.empty()) {
    TRY(out["grey"], grey_of(words));
  }
  if (words.mirror == kNone) {
    out["mirror"] = nullptr;
  } else if (!words.mirror.empty()) {
    TRY(out["mirror"], mirror_of(words.mirror));
  }
  TRY_VOID(add_conditions(out, words.headers, kByHeader));
  TRY_VOID(add_conditions(out, words.key_labels, kByLabel));
  if (!words.fallbacks.empty()) out["fallbacks"] = json::array();
  for (std::size_t i = 0; i < words.fallbacks.size() && !takes_back(words.fallbacks); ++i)
    out["fallbacks"].push_back(fallback_of(words.fallbacks[i]));
  const std::string text = out.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.substr(1, text.size() - 2);
}

std::string route_yaml(std::string_view answer) {
  const json route = json::parse(answer, nullptr, false);
  if (!route.is_object()) return {};
  std::string out = fmt::format("# {}\n", whose(route));
  if (route.value("rollout", false))
    out += "# a rollout has a hand in it: sovmesh rollout status\n";
  out += fmt::format("name: {}\n", scalar(route.value("name", json())));
  add_list(out, route, "versions");
  out += fmt::format("sticky: {}\n", scalar(route.value("sticky", json())));
  for (const char* section : {"grey", "mirror", "timeouts"})
    if (const json said = route.value(section, json()); said.is_object())
      out += fmt::format("{}: {}\n", section, flow(said));
  add_list(out, route, "conditions");
  add_list(out, route, "fallbacks");
  return out;
}

}  // namespace sovmesh::compose

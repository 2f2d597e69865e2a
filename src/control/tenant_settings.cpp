#include "control/tenant_settings.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/decimal.h"
#include "control/json_object.h"

namespace sovmesh::control {
namespace {

using nlohmann::json;
using tenancy::Settings;
using tenancy::SystemPrompt;

std::unexpected<Error> refuse(Code code, const std::string& param, std::string_view why) {
  return client_error(code, fmt::format("'{}': {}", param, why), param);
}

std::string below(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

// Null is the same as absent.
const json* member(const json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<void> must_be_object(const json& value, const std::string& path) {
  if (value.is_object()) return {};
  return refuse(Code::invalid_type, path, "want an object");
}

template <std::size_t N>
Result<void> check_members(const json& object, const std::string& path,
                           const std::array<std::string_view, N>& known) {
  for (const auto& [name, value] : object.items())
    if (std::ranges::find(known, name) == known.end())
      return refuse(Code::unsupported_parameter, below(path, name), "unknown");
  return {};
}

constexpr std::array<std::string_view, 6> kMembers{"models",    "defaults",       "maximums",
                                                   "on_excess", "system_prompts", "disclaimer"};
constexpr std::array<std::string_view, 5> kPromptMembers{"name", "text", "models", "projects",
                                                         "mode"};
constexpr std::array<std::string_view, 1> kDisclaimerMembers{"text"};

std::array<std::string_view, kRequestParameters> parameter_names() {
  std::array<std::string_view, kRequestParameters> names;
  for (const ParameterFacts& facts : kParameterFacts)
    names.at(static_cast<std::size_t>(facts.parameter)) = facts.name;
  return names;
}

// How large it may be, and which texts may not stand twice, is for tenancy::check().
Result<std::string> text(const json& object, const char* name, const std::string& path) {
  const json* const value = member(object, name);
  const std::string at = below(path, name);
  if (value == nullptr) return refuse(Code::missing_required_parameter, at, "is missing");
  if (!value->is_string()) return refuse(Code::invalid_type, at, "want a string");
  return value->get<std::string>();
}

Result<std::optional<std::vector<std::string>>> texts(const json& object, const char* name,
                                                      const std::string& path) {
  const json* const value = member(object, name);
  if (value == nullptr) return std::nullopt;
  const std::string at = below(path, name);
  if (!value->is_array()) return refuse(Code::invalid_type, at, "want a list of strings");
  std::vector<std::string> read;
  for (const json& one : *value) {
    if (!one.is_string()) return refuse(Code::invalid_type, at, "want a list of strings");
    read.push_back(one.get<std::string>());
  }
  return read;
}

// Millionths; a number of JSON is exact to that.
Result<std::int64_t> micro_of(const json& value, const std::string& at) {
  constexpr double largest = 1e9;
  constexpr double close = 1e-3;
  if (!value.is_number()) return refuse(Code::invalid_type, at, "want a number");
  const auto number = value.get<double>();
  if (!(std::abs(number) <= largest))
    return refuse(Code::invalid_value, at, "want a smaller number");
  const double micro = number * static_cast<double>(kParameterUnit);
  if (std::abs(micro - std::round(micro)) > close)
    return refuse(Code::invalid_value, at, "want at most 6 digits behind the point");
  return std::llround(micro);
}

Result<ParameterValues> values(const json& object, const char* name) {
  ParameterValues out;
  const json* const from = member(object, name);
  if (from == nullptr) return out;
  TRY_VOID(must_be_object(*from, name));
  TRY_VOID(check_members(*from, name, parameter_names()));
  for (const ParameterFacts& facts : kParameterFacts) {
    const json* const value = member(*from, std::string(facts.name).c_str());
    if (value == nullptr) continue;
    TRY(out.at(static_cast<std::size_t>(facts.parameter)),
        micro_of(*value, below(name, facts.name)));
  }
  return out;
}

Result<SystemPrompt> prompt(const json& from, const std::string& path) {
  TRY_VOID(must_be_object(from, path));
  TRY_VOID(check_members(from, path, kPromptMembers));
  SystemPrompt out;
  TRY(out.name, text(from, "name", path));
  TRY(out.text, text(from, "text", path));
  TRY(out.models, texts(from, "models", path));
  TRY(out.projects, texts(from, "projects", path));
  if (member(from, "mode") == nullptr) return out;
  TRY(const std::string mode, text(from, "mode", path));
  const auto known = tenancy::parse_prompt_mode(mode);
  if (!known) return refuse(Code::invalid_value, below(path, "mode"), "want prepend or default");
  out.mode = *known;
  return out;
}

Result<void> read_prompts(const json& object, Settings& out) {
  const json* const from = member(object, "system_prompts");
  if (from == nullptr) return {};
  if (!from->is_array()) return refuse(Code::invalid_type, "system_prompts", "want a list");
  for (const json& one : *from) {
    TRY(SystemPrompt read,
        prompt(one, fmt::format("system_prompts[{}]", out.system_prompts.size())));
    out.system_prompts.push_back(std::move(read));
  }
  return {};
}

Result<void> read_disclaimer(const json& object, Settings& out) {
  const json* const from = member(object, "disclaimer");
  if (from == nullptr) return {};
  TRY_VOID(must_be_object(*from, "disclaimer"));
  TRY_VOID(check_members(*from, "disclaimer", kDisclaimerMembers));
  TRY(out.disclaimer, text(*from, "text", "disclaimer"));
  if (out.disclaimer.empty())
    return refuse(Code::invalid_value, "disclaimer.text",
                  "it must not be empty: say null for no disclaimer");
  return {};
}

Result<std::optional<std::set<ModelName>>> model_set(
    const std::optional<std::vector<std::string>>& names) {
  if (!names) return std::nullopt;
  std::set<ModelName> out;
  for (const std::string& name : *names) {
    auto parsed = ModelName::parse(name);
    if (!parsed) return fail(std::move(parsed).error().with_param("models"));
    if (!out.insert(*std::move(parsed)).second)
      return refuse(Code::invalid_value, "models", fmt::format("'{}' stands twice", name));
  }
  return out;
}

Result<Settings> read(const json& object) {
  TRY_VOID(check_members(object, "", kMembers));
  Settings out;
  TRY(const auto models, texts(object, "models", ""));
  TRY(out.models, model_set(models));
  TRY(out.defaults, values(object, "defaults"));
  TRY(out.maximums, values(object, "maximums"));
  if (member(object, "on_excess") != nullptr) {
    TRY(const std::string what, text(object, "on_excess", ""));
    const auto known = tenancy::parse_on_excess(what);
    if (!known) return refuse(Code::invalid_value, "on_excess", "want refuse or clamp");
    out.on_excess = *known;
  }
  TRY_VOID(read_prompts(object, out));
  TRY_VOID(read_disclaimer(object, out));
  TRY_VOID(tenancy::check(out));
  return out;
}

std::string values_json(const ParameterValues& values) {
  JsonText out;
  for (const ParameterFacts& facts : kParameterFacts)
    if (const auto& value = value_of(values, facts.parameter); value)
      out.raw(facts.name, micro_text(*value));
  return out.end();
}

void add_names(JsonText& out, std::string_view name,
               const std::optional<std::vector<std::string>>& names) {
  names ? out.texts(name, *names) : out.null(name);
}

std::string prompt_json(const SystemPrompt& prompt) {
  JsonText out;
  out.text("name", std::string_view(prompt.name)).text("text", std::string_view(prompt.text));
  add_names(out, "models", prompt.models);
  add_names(out, "projects", prompt.projects);
  return out.text("mode", tenancy::name(prompt.mode)).end();
}

}  // namespace

Result<Settings> parse_settings(std::string_view json) {
  TRY(const auto object, parse_json_object(json));
  return read(object);
}

Result<Settings> change_settings(const Settings& now, std::string_view json) {
  TRY(const auto change, parse_json_object(json));
  auto whole = nlohmann::json::parse(settings_json(now));
  for (const auto& [name, value] : change.items()) {
    const bool merges = (name == "defaults" || name == "maximums") && value.is_object();
    if (!merges) whole[name] = value;
    if (merges) whole[name].update(value);
  }
  return read(whole);
}

std::string settings_json(const Settings& settings) {
  JsonText json;
  add_settings(json, settings);
  return json.end();
}

void add_settings(JsonText& out, const Settings& settings) {
  std::optional<std::vector<std::string>> models;
  if (settings.models) {
    models.emplace();
    for (const ModelName& name : *settings.models)
      models->emplace_back(name.text());
  }
  add_names(out, "models", models);
  out.raw("defaults", values_json(settings.defaults))
      .raw("maximums", values_json(settings.maximums))
      .text("on_excess", tenancy::name(settings.on_excess));
  std::vector<std::string> prompts;
  for (const SystemPrompt& prompt : settings.system_prompts)
    prompts.push_back(prompt_json(prompt));
  out.raw("system_prompts", json_list(prompts));
  if (settings.disclaimer.empty()) {
    out.null("disclaimer");
  } else {
    out.raw("disclaimer", JsonText().text("text", std::string_view(settings.disclaimer)).end());
  }
}

namespace {

void put(ParameterValues& values, RequestParameter parameter,
         const std::optional<std::int64_t>& whole) {
  if (whole) values.at(static_cast<std::size_t>(parameter)) = *whole * kParameterUnit;
}

Result<void> put(ParameterValues& values, RequestParameter parameter,
                 const std::optional<Decimal>& decimal) {
  if (!decimal) return {};
  values.at(static_cast<std::size_t>(parameter)) = decimal->micro();
  if (decimal->micro()) return {};
  return client_error(Code::invalid_value,
                      fmt::format("{}: want a smaller number", facts_of(parameter).name));
}

Result<ParameterValues> values_of(const config::ParameterDefaults& from) {
  using enum RequestParameter;
  ParameterValues out;
  put(out, max_tokens, from.max_tokens);
  TRY_VOID(put(out, temperature, from.temperature));
  TRY_VOID(put(out, top_p, from.top_p));
  TRY_VOID(put(out, presence_penalty, from.presence_penalty));
  TRY_VOID(put(out, frequency_penalty, from.frequency_penalty));
  return out;
}

}  // namespace

Result<Settings> settings_of(const config::TenantSettings& from) {
  Settings out;
  TRY(out.models, model_set(from.models));
  if (from.defaults) {
    TRY(out.defaults, values_of(*from.defaults));
  }
  if (from.maximums) {
    TRY(out.maximums, values_of(*from.maximums));
    put(out.maximums, RequestParameter::n, from.maximums->n);
  }
  out.on_excess = tenancy::parse_on_excess(from.on_excess).value_or(Settings::OnExcess::refuse);
  for (const config::SystemPrompt& one : from.system_prompts) {
    out.system_prompts.push_back(
        {.name = one.name,
         .text = one.text,
         .models = one.models,
         .projects = one.projects,
         .mode = tenancy::parse_prompt_mode(one.mode).value_or(SystemPrompt::Mode::prepend)});
  }
  if (from.disclaimer) out.disclaimer = from.disclaimer->text;
  TRY_VOID(tenancy::check(out));
  return out;
}

Result<void> check_model_names(const Settings& settings, const MayName& may_name) {
  const auto check = [&](const std::string& name, const std::string& param) -> Result<void> {
    if (may_name(name)) return {};
    return refuse(Code::invalid_value, param,
                  fmt::format("there is no model '{}', or it is not for this tenant", name));
  };
  for (const ModelName& name : settings.models.value_or(std::set<ModelName>()))
    TRY_VOID(check(std::string(name.text()), "models"));
  for (std::size_t i = 0; i < settings.system_prompts.size(); ++i)
    for (const std::string& name :
         settings.system_prompts[i].models.value_or(std::vector<std::string>()))
      TRY_VOID(check(name, fmt::format("system_prompts[{}].models", i)));
  return {};
}

namespace {

// Of "system_prompts[2].text" the line of that prompt.
std::string place_of(const config::TenantSettings& settings, std::string_view param) {
  constexpr std::string_view of_prompt = "system_prompts[";
  if (param.starts_with(of_prompt)) {
    param.remove_prefix(of_prompt.size());
    const auto index = parse_u64(param.substr(0, param.find(']')));
    if (index && *index < settings.system_prompts.size())
      return settings.system_prompts[*index].position.text();
  }
  return settings.position.text();
}

bool may_name_model(const NamesToBe& names, const std::string& name, TenantId tenant) {
  const auto is_it = [&](const auto& object) { return object.name.text() == name; };
  if (std::ranges::any_of(names.routes_of_file, is_it) ||
      std::ranges::any_of(names.routes_of_api, is_it))
    return true;
  const auto is_for = [&](const catalog::Model& model) {
    return model.for_all_tenants || model.tenants.contains(tenant);
  };
  if (const auto found = std::ranges::find_if(names.of_file, is_it); found != names.of_file.end())
    return is_for(*found);
  const auto found = std::ranges::find_if(names.stored, is_it);
  // The file has it no longer.
  if (found == names.stored.end() || found->from_file) return names.discovers;
  return is_for(*found);
}

}  // namespace

Result<FileSettings> file_settings_of(const config::Tenant& tenant, TenantId id,
                                      const NamesToBe& names,
                                      const std::vector<store::SettingsRecord>& stored) {
  const std::string where = tenant.settings->position.text();
  const auto broken = [&](std::string_view why, std::string_view param = {}) {
    return our_error(Code::config_invalid,
                     fmt::format("{}: error: settings of tenant '{}': {}",
                                 place_of(*tenant.settings, param), tenant.name, why));
  };
  auto settings = settings_of(*tenant.settings);
  if (!settings) return broken(settings.error().message(), settings.error().param());
  const auto may_name = [&](const std::string& name) { return may_name_model(names, name, id); };
  if (const auto fits = check_model_names(*settings, may_name); !fits)
    return broken(fits.error().message(), fits.error().param());
  const auto there = std::ranges::find(stored, id, &store::SettingsRecord::tenant);
  if (there != stored.end() && there->document != settings_json({}))
    return broken(
        "some were made through the admin API: take them back there "
        "(sovmesh tenant settings set --clear) or leave them out here");
  return FileSettings{*std::move(settings), where};
}

Result<std::map<TenantId, std::shared_ptr<const identity::TenantSettings>>> settings_in_force(
    const store::ControlData& stored, const AllFileSettings& declared,
    const identity::Directory& now) {
  std::map<TenantId, std::shared_ptr<const identity::TenantSettings>> out;
  for (const store::SettingsRecord& record : stored.settings) {
    const identity::TenantEntry* const entry = now.tenant(record.tenant);
    const auto known = entry == nullptr ? nullptr : entry->settings;
    if (known && known->revision == record.meta.revision) {
      out.emplace(record.tenant, known);
      continue;
    }
    auto read = parse_settings(record.document);
    if (!read) {
      return our_error(Code::internal_error,
                       fmt::format("the stored settings of tenant {} cannot be read: {}",
                                   record.tenant.value.text(), read.error().message()));
    }
    if (*read == Settings{}) continue;  // all taken back
    out.emplace(record.tenant,
                identity::TenantSettings::make(*std::move(read), record.meta.revision));
  }
  for (const tenancy::Tenant& tenant : stored.tenants) {
    const auto file = declared.find(tenant.slug.text());
    if (file != declared.end())
      out.insert_or_assign(tenant.id, identity::TenantSettings::make(file->second.set, 0));
  }
  return out;
}

}  // namespace sovmesh::control

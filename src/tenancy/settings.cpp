#include "tenancy/settings.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "base/decimal.h"
#include "base/time_text.h"

namespace sovmesh::tenancy {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kTenant = "{{tenant}}";
constexpr std::string_view kProject = "{{project}}";
constexpr std::string_view kDate = "{{date}}";
constexpr std::size_t kNameMax = 64;

std::unexpected<Error> refuse(Code code, std::string param, const std::string& why) {
  return client_error(code, "'" + param + "': " + why, param);
}

std::string at(std::size_t index, std::string_view member) {
  return "system_prompts[" + std::to_string(index) + "]." + std::string(member);
}

bool is_prompt_name(std::string_view text) {
  return !text.empty() && text.size() <= kNameMax && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

Result<void> check_text(const std::string& text, std::size_t bytes_max, const std::string& param) {
  if (text.size() > bytes_max)
    return refuse(Code::string_above_max_length, param,
                  "want at most " + std::to_string(bytes_max) + " bytes");
  const bool has_controls = std::ranges::any_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
  if (!is_valid_utf8(text) || has_controls)
    return refuse(Code::invalid_value, param,
                  "want UTF-8 without control characters other than tabs and line ends");
  return {};
}

Result<void> check_placeholders(std::string_view text, const std::string& param) {
  for (auto from = text.find(kOpen); from != text.npos; from = text.find(kOpen, from + 1)) {
    const std::string_view rest = text.substr(from);
    const bool is_known =
        rest.starts_with(kTenant) || rest.starts_with(kProject) || rest.starts_with(kDate);
    if (!is_known)
      return refuse(Code::invalid_value, param,
                    "'{{' at byte " + std::to_string(from) +
                        " begins no placeholder; there are {{tenant}}, {{project}} and {{date}}");
  }
  return {};
}

Result<void> check_prompt(const SystemPrompt& prompt, std::size_t index) {
  if (!is_prompt_name(prompt.name))
    return refuse(Code::invalid_value, at(index, "name"),
                  "want 1 to 64 letters, digits, '.', '_' and '-'");
  if (prompt.text.empty())
    return refuse(Code::invalid_value, at(index, "text"), "it must not be empty");
  TRY_VOID(check_text(prompt.text, Settings::kPromptBytesMax, at(index, "text")));
  TRY_VOID(check_placeholders(prompt.text, at(index, "text")));
  for (const auto& [names, member] :
       {std::pair(&prompt.models, "models"), std::pair(&prompt.projects, "projects")}) {
    if (!*names) continue;
    if ((*names)->empty())
      return refuse(Code::empty_array, at(index, member),
                    "an empty list fits nothing: name some, or say null for any");
    if ((*names)->size() > Settings::kPromptNamesMax)
      return refuse(Code::array_above_max_length, at(index, member),
                    "want at most " + std::to_string(Settings::kPromptNamesMax) + " names");
    std::set<std::string_view> seen;
    for (const std::string& name : **names)
      if (!seen.insert(name).second)
        return refuse(Code::invalid_value, at(index, member), "'" + name + "' stands twice");
  }
  return {};
}

Result<void> check_values(const Settings& settings) {
  for (const ParameterFacts& facts : kParameterFacts) {
    const auto& usual = value_of(settings.defaults, facts.parameter);
    const auto& most = value_of(settings.maximums, facts.parameter);
    const std::string name(facts.name);
    if (usual && !facts.has_default)
      return refuse(Code::unsupported_parameter, "defaults." + name,
                    "no default can be set for it; maximums." + name + " bounds it");
    for (const auto& [value, member] :
         {std::pair(usual, "defaults."), std::pair(most, "maximums.")}) {
      if (!value) continue;
      if (auto fits = check_parameter(facts, *value); !fits)
        return refuse(fits.error().code(), member + name, fits.error().message());
    }
    if (usual && most && *usual > *most)
      return refuse(Code::invalid_value, "defaults." + name,
                    "it is more than maximums." + name + " allows, " + micro_text(*most));
  }
  return {};
}

bool holds(const std::optional<std::vector<std::string>>& names, std::string_view name) {
  return !names || std::ranges::find(*names, name) != names->end();
}

}  // namespace

std::string_view name(SystemPrompt::Mode mode) {
  return mode == SystemPrompt::Mode::prepend ? "prepend" : "default";
}

std::optional<SystemPrompt::Mode> parse_prompt_mode(std::string_view text) {
  for (const auto mode : {SystemPrompt::Mode::prepend, SystemPrompt::Mode::if_missing})
    if (name(mode) == text) return mode;
  return std::nullopt;
}

std::string_view name(Settings::OnExcess what) {
  return what == Settings::OnExcess::refuse ? "refuse" : "clamp";
}

std::optional<Settings::OnExcess> parse_on_excess(std::string_view text) {
  for (const auto what : {Settings::OnExcess::refuse, Settings::OnExcess::clamp})
    if (name(what) == text) return what;
  return std::nullopt;
}

bool Settings::bounds_parameters() const {
  const auto has_some = [](const ParameterValues& values) {
    return std::ranges::any_of(values, [](const auto& value) { return value.has_value(); });
  };
  return has_some(defaults) || has_some(maximums);
}

const SystemPrompt* Settings::prompt_for(std::string_view model, std::string_view project) const {
  const auto found = std::ranges::find_if(system_prompts, [&](const SystemPrompt& prompt) {
    return holds(prompt.models, model) && holds(prompt.projects, project);
  });
  return found == system_prompts.end() ? nullptr : &*found;
}

Result<void> check(const Settings& settings) {
  if (settings.models && settings.models->size() > Settings::kModelsMax)
    return refuse(Code::array_above_max_length, "models",
                  "want at most " + std::to_string(Settings::kModelsMax) + " names");
  TRY_VOID(check_values(settings));
  if (settings.system_prompts.size() > Settings::kPromptsMax)
    return refuse(Code::array_above_max_length, "system_prompts",
                  "want at most " + std::to_string(Settings::kPromptsMax));
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < settings.system_prompts.size(); ++i) {
    TRY_VOID(check_prompt(settings.system_prompts[i], i));
    if (!names.insert(settings.system_prompts[i].name).second)
      return refuse(Code::invalid_value, at(i, "name"), "another one has this name");
  }
  return check_text(settings.disclaimer, Settings::kDisclaimerBytesMax, "disclaimer.text");
}

std::string render(std::string_view text, const PromptFacts& facts) {
  constexpr std::size_t day_bytes = 10;  // 2027-01-31
  std::string out;
  for (auto from = text.find(kOpen); from != text.npos; from = text.find(kOpen)) {
    out += text.substr(0, from);
    text.remove_prefix(from);
    if (text.starts_with(kTenant)) {
      out += facts.tenant;
      text.remove_prefix(kTenant.size());
    } else if (text.starts_with(kProject)) {
      out += facts.project;
      text.remove_prefix(kProject.size());
    } else if (text.starts_with(kDate)) {
      out += to_rfc3339(facts.now).substr(0, day_bytes);
      text.remove_prefix(kDate.size());
    } else {
      out += kOpen;
      text.remove_prefix(kOpen.size());
    }
  }
  return out += text;
}

Result<void> check_parameter(const ParameterFacts& facts, std::int64_t micro) {
  if (facts.is_whole && micro % kParameterUnit != 0)
    return client_error(Code::invalid_type, "want a whole number");
  if (micro >= facts.min && micro <= facts.max) return {};
  return client_error(Code::invalid_value,
                      "want " + micro_text(facts.min) + " to " + micro_text(facts.max));
}

}  // namespace sovmesh::tenancy

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/request_parameters.h"
#include "base/result.h"

namespace sovmesh::tenancy {

// What is put before the messages of a chat.
struct SystemPrompt {
  enum class Mode : std::uint8_t {
    prepend,     // always
    if_missing,  // where the client sends no system or developer message; "default"
  };
  std::string name;
  std::string text;  // with placeholders
  // By the names that clients call; nothing: any.
  std::optional<std::vector<std::string>> models;
  std::optional<std::vector<std::string>> projects;  // slugs; nothing: any
  Mode mode = Mode::prepend;

  friend bool operator==(const SystemPrompt&, const SystemPrompt&) = default;
};
std::string_view name(SystemPrompt::Mode mode);
std::optional<SystemPrompt::Mode> parse_prompt_mode(std::string_view text);

// What a tenant has set for its own requests.
struct Settings {
  static constexpr std::size_t kModelsMax = 1'000;
  static constexpr std::size_t kPromptsMax = 32;
  static constexpr std::size_t kPromptBytesMax = 16 << 10;
  static constexpr std::size_t kPromptNamesMax = 100;  // models of one, projects of one
  static constexpr std::size_t kDisclaimerBytesMax = 4 << 10;

  enum class OnExcess : std::uint8_t { refuse, clamp };

  std::optional<std::set<ModelName>> models;  // of those granted; nothing: all
  ParameterValues defaults{};                 // of who leaves them out
  ParameterValues maximums{};
  OnExcess on_excess = OnExcess::refuse;
  std::vector<SystemPrompt> system_prompts;  // the first that fits is taken
  std::string disclaimer;                    // behind an answer; empty: none

  friend bool operator==(const Settings&, const Settings&) = default;

  bool bounds_parameters() const;
  // Of a request by this name in this project; null: none.
  const SystemPrompt* prompt_for(std::string_view model, std::string_view project) const;
};
std::string_view name(Settings::OnExcess what);
std::optional<Settings::OnExcess> parse_on_excess(std::string_view text);

// Sizes, ranges, placeholders, defaults within maximums. Errors have `param` set, as
// "system_prompts[2].text". Whether models and projects exist is not looked at.
Result<void> check(const Settings& settings);

// What {{tenant}}, {{project}} and {{date}} stand for.
struct PromptFacts {
  std::string_view tenant;
  std::string_view project;
  WallTime now;  // the date is the UTC day
};
std::string render(std::string_view text, const PromptFacts& facts);

// "700000" for "0.7" of a temperature. An error says what may be.
Result<void> check_parameter(const ParameterFacts& facts, std::int64_t micro);

}  // namespace sovmesh::tenancy

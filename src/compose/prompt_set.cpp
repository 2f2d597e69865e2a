#include "compose/prompt_set.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <set>

namespace sovmesh::compose {
namespace {

using nlohmann::json;

constexpr std::size_t kTextMax = std::size_t{64} << 10;
constexpr std::int64_t kTokensMax = 32'768;
constexpr std::size_t kShownMax = 200;

std::unexpected<Error> wrong(std::string_view at, std::string_view what) {
  return client_error(Code::invalid_value, fmt::format("{}: {}", at, what));
}

// Reads the members of a case; remembers which ones it knows and the first error.
class CaseReader {
 public:
  CaseReader(const json& object, std::string at) : object_(object), at_(std::move(at)) {}

  void text(const char* name, std::string& out, bool required) {
    const json* value = find(name);
    if (value == nullptr) {
      if (required) fail(name, "is missing");
      return;
    }
    if (!value->is_string() || value->get_ref<const std::string&>().size() > kTextMax)
      return fail(name, "want a text of at most 64 KiB");
    out = value->get<std::string>();
    if (required && out.empty()) fail(name, "is empty");
  }
  void texts(const char* name, std::vector<std::string>& out) {
    const json* value = find(name);
    if (value == nullptr) return;
    const bool fits = value->is_array() && std::ranges::all_of(*value, [](const json& one) {
                        return one.is_string() && !one.get_ref<const std::string&>().empty();
                      });
    if (!fits) return fail(name, "want a list of texts");
    out = value->get<std::vector<std::string>>();
  }
  void flag(const char* name, bool& out) {
    const json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_boolean()) return fail(name, "want true or false");
    out = value->get<bool>();
  }
  void number(const char* name, std::int64_t& out) {
    const json* value = find(name);
    if (value == nullptr) return;
    if (!value->is_number_integer() || *value < 1 || *value > kTokensMax)
      return fail(name, fmt::format("want 1 to {}", kTokensMax));
    out = value->get<std::int64_t>();
  }
  Result<void> done() {
    for (const auto& [name, value] : object_.items())
      if (!known_.contains(name)) fail(name, "unknown");
    if (error_.empty()) return {};
    return client_error(Code::invalid_value, error_);
  }

 private:
  const json* find(const char* name) {
    known_.insert(name);
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  void fail(std::string_view name, std::string_view what) {
    if (error_.empty()) error_ = fmt::format("{}: '{}': {}", at_, name, what);
  }

  const json& object_;
  std::string at_;
  std::set<std::string, std::less<>> known_;
  std::string error_;
};

Result<PromptCase> case_of(const json& given, const std::string& at) {
  if (!given.is_object()) return wrong(at, "want an object");
  PromptCase out;
  CaseReader reader(given, at);
  reader.text("name", out.name, true);
  reader.text("prompt", out.prompt, true);
  reader.text("system", out.system, false);
  reader.number("max_tokens", out.max_tokens);
  reader.texts("contains", out.contains);
  reader.texts("excludes", out.excludes);
  reader.flag("json", out.json);
  reader.flag("stopped", out.stopped);
  TRY_VOID(reader.done());
  if (out.contains.empty() && out.excludes.empty() && !out.json && !out.stopped)
    return wrong(at, "any answer would pass: want contains, excludes, json or stopped");
  return out;
}

std::string clipped(std::string_view text) {
  return json(text.substr(0, kShownMax)).dump(-1, ' ', true, json::error_handler_t::replace);
}

}  // namespace

Result<PromptSet> parse_prompt_set(std::string_view text) {
  const json given = json::parse(text, nullptr, false);
  if (!given.is_object()) return wrong("the set", "want a JSON object");
  for (const auto& [name, value] : given.items())
    if (name != "name" && name != "cases")
      return wrong("the set", fmt::format("'{}': unknown", name));
  const json name = given.value("name", json());
  const json cases = given.value("cases", json());
  if (!name.is_string() || name.get_ref<const std::string&>().empty() ||
      name.get_ref<const std::string&>().size() > kShownMax)
    return wrong("the set", "'name': want a text");
  if (!cases.is_array() || cases.empty() || cases.size() > PromptSet::kCasesMax)
    return wrong("the set", fmt::format("'cases': want 1 to {} cases", PromptSet::kCasesMax));
  PromptSet set{.name = name.get<std::string>(), .cases = {}};
  std::set<std::string> names;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const std::string at = fmt::format("cases[{}]", i);
    TRY(PromptCase one, case_of(cases[i], at));
    if (!names.insert(one.name).second)
      return wrong(at, fmt::format("a case named '{}' stands before it", one.name));
    set.cases.push_back(std::move(one));
  }
  return set;
}

std::vector<std::string> failures_of(const PromptCase& wanted, const CaseAnswer& answer) {
  std::vector<std::string> failures;
  for (const std::string& text : wanted.contains)
    if (!answer.text.contains(text)) failures.push_back("does not contain " + clipped(text));
  for (const std::string& text : wanted.excludes)
    if (answer.text.contains(text)) failures.push_back("contains " + clipped(text));
  if (wanted.json && !json::accept(answer.text)) failures.emplace_back("is not JSON");
  if (wanted.stopped && !answer.stopped) failures.emplace_back("does not end by itself");
  return failures;
}

std::string results_json(const std::vector<CaseResult>& results) {
  json out = json::array();
  for (const CaseResult& result : results)
    out.push_back({{"name", result.name},
                   {"passed", result.failures.empty()},
                   {"failures", result.failures},
                   {"output_tokens", result.output_tokens},
                   {"ms", result.milliseconds}});
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string compared(std::string_view before, const std::vector<CaseResult>& now) {
  std::map<std::string, bool> passed;
  const json earlier = json::parse(before, nullptr, false);
  if (earlier.is_array())
    for (const json& one : earlier)
      if (one.is_object()) passed[one.value("name", std::string())] = one.value("passed", false);
  std::string out;
  for (const CaseResult& result : now) {
    const auto was = passed.find(result.name);
    if (was == passed.end() || was->second == result.failures.empty()) continue;
    out += fmt::format("{}  {}\n", was->second ? "worse " : "better", result.name);
  }
  return out;
}

}  // namespace sovmesh::compose

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "config/describe.h"
#include "config/read.h"
#include "config/values.h"

namespace sovmesh::config {
namespace {

constexpr std::array<std::string_view, 5> kPrefixes{"SM_SERVER_", "SM_LOG_", "SM_SECURITY_",
                                                    "SM_AUDIT_", "SM_LEDGER_"};

// Reads SM_<SECTION>_<FIELD> for the fields of one section.
class EnvironmentVisitor {
 public:
  EnvironmentVisitor(std::string prefix, const Environment& environment,
                     std::vector<Finding>& findings, std::vector<std::string>& known)
      : prefix_(std::move(prefix)), environment_(environment), findings_(findings), known_(known) {}

  void position(Position&) {}
  void given(Given&) {}
  template <class T>
  void field(std::string_view name, T& out, std::string_view, Bounds bounds = kAny) {
    if (const auto text = value(name)) note(name, parse_value(*text, out, bounds));
  }
  void field(std::string_view name, std::vector<std::string>& out, std::string_view) {
    const auto text = value(name);  // comma-separated
    if (!text) return;
    out.clear();
    for (std::string_view rest = *text; !rest.empty();) {
      const auto comma = rest.find(',');
      out.emplace_back(trim(rest.substr(0, comma)));
      rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
    }
  }
  void choice(std::string_view name, std::string& out, std::string_view,
              std::initializer_list<std::string_view> allowed) {
    const auto text = value(name);
    if (!text) return;
    out = *text;
    if (std::ranges::find(allowed, out) == allowed.end()) {
      note(name, our_error(Code::config_invalid,
                           fmt::format("'{}' is not one of {}", out, fmt::join(allowed, ", "))));
    }
  }
  // TLS files and secrets belong into the configuration file.
  template <class T>
  void optional_section(std::string_view, T&, std::string_view) {}
  template <class T>
  void optional_secret(std::string_view, T&, std::string_view) {}

 private:
  std::optional<std::string> value(std::string_view name) {
    known_.push_back(variable(name));
    return environment_(known_.back());
  }
  std::string variable(std::string_view name) const {
    std::string out = prefix_ + std::string(name);
    std::ranges::transform(out, out.begin(), [](char c) {
      return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return out;
  }
  void note(std::string_view name, const Result<void>& parsed) {
    if (parsed) return;
    findings_.push_back(
        {.position = {.file = variable(name)}, .message = parsed.error().message()});
  }

  std::string prefix_;
  const Environment& environment_;
  std::vector<Finding>& findings_;
  std::vector<std::string>& known_;
};

}  // namespace

void apply_environment(const Environment& environment, const std::vector<std::string>& names,
                       Config& config, std::vector<Finding>& findings) {
  std::vector<std::string> known;
  const auto apply = [&](const char* prefix, auto& section) {
    EnvironmentVisitor visitor(prefix, environment, findings, known);
    describe(visitor, section);
  };
  apply("SM_SERVER_", config.server);
  apply("SM_LOG_", config.log);
  apply("SM_SECURITY_", config.security);
  apply("SM_AUDIT_", config.audit);
  apply("SM_LEDGER_", config.ledger);
  const std::vector<std::string_view> candidates(known.begin(), known.end());
  for (const std::string& name : names) {
    const bool ours = std::ranges::any_of(
        kPrefixes, [&](std::string_view prefix) { return name.starts_with(prefix); });
    if (!ours || std::ranges::find(known, name) != known.end()) continue;
    std::string message = "this environment variable sets nothing";
    if (const auto hint = closest(name, candidates); !hint.empty()) {
      message += fmt::format("; did you mean {}?", hint);
    }
    findings.push_back({.position = {.file = name}, .message = std::move(message)});
  }
}

}  // namespace sovmesh::config

#include "compose/completion.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>

#include "compose/serve.h"

namespace sovmesh::compose {
namespace {

struct NamedKind {
  std::string_view name, path, member;
};
// By which people call them on the command line.
constexpr std::array<NamedKind, 9> kNamed{{{"tenant", "tenants", "slug"},
                                           {"project", "projects", "slug"},
                                           {"key", "keys", "id"},
                                           {"model", "models", "name"},
                                           {"engine", "engines", "name"},
                                           {"route", "routes", "name"},
                                           {"user", "users", "login"},
                                           {"limit", "limits", "id"},
                                           {"webhook", "webhooks", "id"}}};

bool is_kind(std::string_view name) {
  return std::ranges::find(kNamed, name, &NamedKind::name) != kNamed.end();
}

// 'text' for a POSIX shell.
std::string shell_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// The same for fish, where a backslash means something between quotes.
std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

// The first sentence, on one line.
std::string short_help(std::string_view help) {
  std::string out(help.substr(0, help.find('\n')));
  std::ranges::replace(out, '\t', ' ');
  return out;
}

std::string known_paths(const std::vector<CommandInfo>& commands) {
  std::string out = "\n";
  for (const CommandInfo& command : commands)
    if (!command.path.empty()) out += command.path + "\n";
  return out;
}

std::string option_words(const CommandInfo& command) {
  std::string words;
  for (const CommandOption& option : command.options)
    for (const std::string& name : option.names)
      words += (words.empty() ? "" : " ") + name;
  return words;
}

// Calls `use(names, words, kind)` for each option that takes something that is known.
template <class Use>
void for_each_value(const CommandInfo& command, const Use& use) {
  for (const CommandOption& option : command.options) {
    if (option.names.empty() || !option.takes_value) continue;
    const std::string_view kind = named_kind(command.path, option);
    if (!option.values.empty() || !kind.empty())
      use(option, fmt::format("{}", fmt::join(option.values, " ")), kind);
  }
}

// Whose names the command's positionals are.
std::string_view positional_kind(const CommandInfo& command) {
  for (const CommandOption& option : command.options)
    if (option.names.empty()) return named_kind(command.path, option);
  return {};
}

}  // namespace

std::string_view named_kind(std::string_view path, const CommandOption& option) {
  const std::string_view first = path.substr(0, path.find(' '));
  const auto kind = [](std::string_view name) -> std::string_view {
    const auto found = std::ranges::find(kNamed, name, &NamedKind::name);
    return found == kNamed.end() ? std::string_view() : found->name;
  };
  if (option.names.empty()) {
    if (path.ends_with(" create") || path.ends_with(" generate")) return {};
    if (option.positional == "NAME" || option.positional == "ID" || option.positional == "LOGIN")
      return kind(first);
    if (option.positional == "ROUTE") return kind("route");
    return {};
  }
  for (const std::string& name : option.names) {
    if (name == "--owner") return kind("user");
    if (name.starts_with("--") && is_kind(name.substr(2)) && option.takes_value)
      return kind(name.substr(2));
  }
  return {};
}

std::string bash_completion(const std::vector<CommandInfo>& commands) {
  std::string out = fmt::format(R"sh(# bash completion of sovmesh, by `sovmesh completion bash`
# In ~/.bashrc: source <(sovmesh completion bash)
_sovmesh_paths={}
_sovmesh_names() {{ sovmesh completion names "$1" 2> /dev/null; }}
_sovmesh() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  local path= word i words= kind= quoted
  local -a offered=()
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${{COMP_WORDS[i]}}
    [[ $_sovmesh_paths == *$'\n'"${{path:+$path }}$word"$'\n'* ]] && path="${{path:+$path }}$word"
  done
  case "$path $previous" in
)sh",
                                shell_quoted(known_paths(commands)));
  for (const CommandInfo& command : commands) {
    for_each_value(
        command, [&](const CommandOption& option, const std::string& words, std::string_view kind) {
          std::string patterns;
          for (const std::string& name : option.names)
            patterns += (patterns.empty() ? "" : "|") + shell_quoted(command.path + " " + name);
          const std::string what =
              words.empty() ? fmt::format("kind={}", kind) : "words=" + shell_quoted(words);
          out += fmt::format("    {}) {} ;;\n", patterns, what);
        });
  }
  out += R"sh(  esac
  if [[ -z $words && -z $kind ]]; then
    case "$path" in
)sh";
  for (const CommandInfo& command : commands) {
    const std::string_view kind = positional_kind(command);
    out += fmt::format("      {}) words={}{} ;;\n", shell_quoted(command.path),
                       shell_quoted(fmt::format("{} {}", fmt::join(command.subcommands, " "),
                                                option_words(command))),
                       kind.empty() ? "" : fmt::format(" kind={}", kind));
  }
  // clang-format off
  out += R"sh(    esac
    [[ $current == -* ]] && kind=
  fi
  # Names may be anybody's: bash never gets to evaluate one, as it would by compgen -W.
  IFS=' ' read -r -a offered <<< "$words"
  if [[ -n $kind ]]; then
    while IFS= read -r word; do
      offered+=("$word")
    done < <(_sovmesh_names "$kind")
  fi
  COMPREPLY=()
  for word in "${offered[@]}"; do
    printf -v quoted %q "$word"
    if [[ $word == "$current"* || $quoted == "$current"* ]]; then
      COMPREPLY+=("$quoted")
    fi
  done
}
complete -o default -F _sovmesh sovmesh
)sh";
  // clang-format on
  return out;
}

std::string zsh_completion(const std::vector<CommandInfo>& commands) {
  std::map<std::string, std::string> helps;
  for (const CommandInfo& command : commands)
    helps[command.path] = short_help(command.help);
  const auto described = [](std::string_view name, std::string_view help) {
    std::string escaped;
    for (const char c : name)
      escaped += c == ':' ? std::string("\\:") : std::string(1, c);
    return shell_quoted(fmt::format("{}:{}", escaped, help));
  };
  std::string out = fmt::format(R"sh(#compdef sovmesh
# zsh completion of sovmesh; `sovmesh completion zsh` wrote it.
# In ~/.zshrc, behind compinit: source <(sovmesh completion zsh)
_sovmesh_paths={}
_sovmesh() {{
  local at= word i kind=
  local -a commands options values
  for ((i = 2; i < CURRENT; ++i)); do
    word=$words[i]
    [[ $_sovmesh_paths == *$'\n'"${{at:+$at }}$word"$'\n'* ]] && at="${{at:+$at }}$word"
  done
  case "$at $words[CURRENT-1]" in
)sh",
                                shell_quoted(known_paths(commands)));
  for (const CommandInfo& command : commands) {
    for_each_value(
        command, [&](const CommandOption& option, const std::string& words, std::string_view kind) {
          std::string patterns;
          for (const std::string& name : option.names)
            patterns += (patterns.empty() ? "" : "|") + shell_quoted(command.path + " " + name);
          std::string what = fmt::format("kind={}", kind);
          if (!words.empty()) {
            std::vector<std::string> values;
            for (const std::string& value : option.values)
              values.push_back(shell_quoted(value));
            what = fmt::format("values=({})", fmt::join(values, " "));
          }
          out += fmt::format("    ({}) {} ;;\n", patterns, what);
        });
  }
  // clang-format off
  out += R"sh(  esac
  if [[ -n $kind ]]; then
    values=(${(f)"$(sovmesh completion names $kind 2> /dev/null)"})
  fi
  if (( $#values )); then
    compadd -a values
    return
  fi
  case "$at" in
)sh";
  // clang-format on
  for (const CommandInfo& command : commands) {
    out += fmt::format("    ({})\n      commands=(", shell_quoted(command.path));
    for (const std::string& sub : command.subcommands)
      out += described(sub, helps[command.path.empty() ? sub : command.path + " " + sub]) + " ";
    out += ")\n      options=(";
    for (const CommandOption& option : command.options)
      for (const std::string& name : option.names)
        out += described(name, short_help(option.help)) + " ";
    out += ")\n";
    if (const std::string_view kind = positional_kind(command); !kind.empty())
      out += fmt::format("      kind={}\n", kind);
    out += "      ;;\n";
  }
  // clang-format off
  out += R"sh(  esac
  (( $#commands )) && _describe command commands
  if [[ $words[CURRENT] == -* ]]; then
    _describe option options
    return
  fi
  if [[ -n $kind ]]; then
    values=(${(f)"$(sovmesh completion names $kind 2> /dev/null)"})
    compadd -a values
  fi
  (( $#commands )) || _files
}
compdef _sovmesh sovmesh
)sh";
  // clang-format on
  return out;
}

std::string fish_completion(const std::vector<CommandInfo>& commands) {
  std::string out =
      fmt::format(R"sh(# fish completion of sovmesh; `sovmesh completion fish` wrote it.
# sovmesh completion fish > ~/.config/fish/completions/sovmesh.fish
set -g __sovmesh_paths {}
function __sovmesh_at
  set -l path
  for word in (commandline -opc)[2..-1]
    set -l next (string join ' ' -- $path $word)
    contains -- $next $__sovmesh_paths; and set path $path $word
  end
  test "$path" = "$argv[1]"
end
function __sovmesh_names
  sovmesh completion names $argv[1] 2> /dev/null
end
complete -c sovmesh -e
)sh",
                  [&] {
                    std::string all;
                    for (const CommandInfo& command : commands)
                      if (!command.path.empty())
                        all += (all.empty() ? "" : " ") + fish_quoted(command.path);
                    return all;
                  }());
  for (const CommandInfo& command : commands) {
    const std::string at = fmt::format("complete -c sovmesh -n {}",
                                       fish_quoted("__sovmesh_at '" + command.path + "'"));
    for (const std::string& sub : command.subcommands) {
      const std::string path = command.path.empty() ? sub : command.path + " " + sub;
      const auto info = std::ranges::find(commands, path, &CommandInfo::path);
      out += fmt::format("{} -f -a {} -d {}\n", at, fish_quoted(sub),
                         fish_quoted(info == commands.end() ? "" : short_help(info->help)));
    }
    if (const std::string_view kind = positional_kind(command); !kind.empty())
      out += fmt::format("{} -f -a '(__sovmesh_names {})'\n", at, kind);
    for (const CommandOption& option : command.options) {
      if (option.names.empty()) continue;
      out += at;
      for (const std::string& name : option.names)
        out += name.starts_with("--") ? " -l " + fish_quoted(name.substr(2))
                                      : " -s " + fish_quoted(name.substr(1));
      if (option.takes_value) out += " -r";
      const std::string_view kind = named_kind(command.path, option);
      if (!option.values.empty())
        out += " -f -a " + fish_quoted(fmt::format("{}", fmt::join(option.values, " ")));
      else if (!kind.empty())
        out += fmt::format(" -f -a '(__sovmesh_names {})'", kind);
      out += " -d " + fish_quoted(short_help(option.help)) + "\n";
    }
  }
  return out;
}

int completion_names(const AdminCli& cli, const std::string& kind) {
  const auto found = std::ranges::find(kNamed, kind, &NamedKind::name);
  if (found == kNamed.end()) return kExitUsage;
  const auto answer = admin_ask(cli, "GET", fmt::format("/api/v1/{}?limit=1000", found->path), {});
  if (!answer || answer->status >= 300) return kExitFailed;  // a shell shows no errors here
  const auto body = nlohmann::json::parse(answer->body, nullptr, false);
  if (!body.is_object() || !body.contains("data")) return kExitFailed;
  for (const auto& row : body["data"])
    if (const std::string name = row.value(std::string(found->member), ""); !name.empty())
      fmt::print("{}\n", printable(name));
  return kExitOk;
}

}  // namespace sovmesh::compose

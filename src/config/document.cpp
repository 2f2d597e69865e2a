// The JSON Schema and the reference page, written from the same table that the reader uses.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iterator>
#include <map>
#include <typeindex>
#include <typeinfo>

#include "base/time_text.h"
#include "config/describe.h"
#include "config/load.h"

namespace sovmesh::config {
namespace {

using nlohmann::ordered_json;

// The type of a field for people, for JSON Schema, and its default.
struct Kind {
  std::string people;
  ordered_json schema;
  std::string default_text;
};

Kind kind_of(const bool& value, Bounds) {
  return {"true or false", {{"type", "boolean"}}, value ? "true" : "false"};
}
template <class T>
  requires std::is_integral_v<T>
Kind kind_of(const T& value, Bounds bounds) {
  ordered_json schema{{"type", "integer"}};
  std::string people = "number";
  if (bounds.min != kAny.min) {
    schema["minimum"] = bounds.min;
    people = fmt::format("number from {}", bounds.min);
  }
  if (bounds.max != kAny.max) {
    schema["maximum"] = bounds.max;
    people += fmt::format(" to {}", bounds.max);
  }
  return {people, schema, fmt::format("{}", value)};
}
Kind kind_of(const std::string& value, Bounds) {
  return {"text", {{"type", "string"}}, value.empty() ? "" : fmt::format("`{}`", value)};
}
Kind kind_of(const std::chrono::milliseconds& value, Bounds bounds) {
  std::string people = "duration";
  if (bounds.min != kAny.min) {
    people += " from " + duration_text(std::chrono::milliseconds(bounds.min));
  }
  if (bounds.max != kAny.max) {
    people += " to " + duration_text(std::chrono::milliseconds(bounds.max));
  }
  return {people, {{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h|d)$"}}, duration_text(value)};
}
// Either form in YAML: the text counts, not the number that a reader makes of it.
Kind kind_of(const Decimal& value, Bounds) {
  return {"decimal", {{"type", {"number", "string"}}}, to_text(value)};
}
Kind kind_of(const std::vector<std::string>& value, Bounds) {
  return {"list of texts",
          {{"type", "array"}, {"items", {{"type", "string"}}}},
          value.empty() ? "" : fmt::format("`[{}]`", fmt::join(value, ", "))};
}
Kind kind_of(const std::map<std::string, bool>&, Bounds) {
  return {"mapping of name to true or false",
          {{"type", "object"}, {"additionalProperties", {{"type", "boolean"}}}},
          ""};
}
Kind kind_of(const std::map<std::string, std::string>&, Bounds) {
  return {"mapping of name to text",
          {{"type", "object"}, {"additionalProperties", {{"type", "string"}}}},
          ""};
}
template <class T>
Kind kind_of(const std::optional<T>&, Bounds bounds) {
  Kind inner = kind_of(T{}, bounds);
  inner.default_text = "";
  return inner;
}

ordered_json secret_schema() { return {{"type", "string"}, {"pattern", "^(file|env):.+$"}}; }

class SchemaVisitor {
 public:
  ordered_json take() && {
    ordered_json out{{"type", "object"}, {"additionalProperties", false}};
    out["properties"] = std::move(properties_);
    if (!required_.empty()) out["required"] = std::move(required_);
    return out;
  }

  void position(Position&) {}
  void given(Given&) {}
  template <class T>
  void field(std::string_view name, T& value, std::string_view sentence, Bounds bounds = kAny) {
    add(name, kind_of(value, bounds).schema, sentence);
  }
  template <class T>
  void required(std::string_view name, T& value, std::string_view sentence, Bounds bounds = kAny) {
    field(name, value, sentence, bounds);
    required_.push_back(name);
  }
  void choice(std::string_view name, std::string&, std::string_view sentence,
              std::initializer_list<std::string_view> allowed) {
    add(name, {{"enum", std::vector<std::string>(allowed.begin(), allowed.end())}}, sentence);
  }
  void required_choice(std::string_view name, std::string& value, std::string_view sentence,
                       std::initializer_list<std::string_view> allowed) {
    choice(name, value, sentence, allowed);
    required_.push_back(name);
  }
  void optional_choice(std::string_view name, std::optional<std::string>&,
                       std::string_view sentence, std::initializer_list<std::string_view> allowed) {
    std::string ignored;
    choice(name, ignored, sentence, allowed);
  }
  void kind(bool&) {
    std::string ignored;
    choice("kind", ignored, "managed: a child process of ours; remote: a server elsewhere.",
           {"managed", "remote"});
    required_.push_back("kind");
  }
  void never(std::string_view name, std::optional<std::chrono::milliseconds>&,
             std::string_view sentence) {
    add(name, {{"type", "string"}, {"pattern", "^([0-9]+(ms|s|m|h|d)|never)$"}}, sentence);
  }
  template <class T>
  void section(std::string_view name, T& value, std::string_view sentence) {
    add(name, schema_of(value), sentence);
  }
  template <class T>
  void optional_section(std::string_view name, std::optional<T>&, std::string_view sentence) {
    T value{};
    add(name, schema_of(value), sentence);
  }
  template <class T>
  void list(std::string_view name, std::vector<T>&, std::string_view sentence) {
    T one{};
    add(name, {{"type", "array"}, {"items", schema_of(one)}}, sentence);
  }
  void includes(std::string_view name, std::string_view sentence) {
    add(name, {{"type", "array"}, {"items", {{"type", "string"}}}}, sentence);
  }
  void secret(std::string_view name, Secret&, std::string_view sentence) {
    add(name, secret_schema(), sentence);
  }
  void required_secret(std::string_view name, Secret& value, std::string_view sentence) {
    secret(name, value, sentence);
    required_.push_back(name);
  }
  void optional_secret(std::string_view name, std::optional<Secret>&, std::string_view sentence) {
    add(name, secret_schema(), sentence);
  }
  void file_contents(std::string_view name, std::string&, std::string_view sentence) {
    add(name, {{"type", "string"}}, sentence);
  }

 private:
  template <class T>
  static ordered_json schema_of(T& value) {
    SchemaVisitor inner;
    describe(inner, value);
    return std::move(inner).take();
  }
  void add(std::string_view name, ordered_json schema, std::string_view sentence) {
    schema["description"] = sentence;
    properties_[std::string(name)] = std::move(schema);
  }

  ordered_json properties_ = ordered_json::object();
  ordered_json required_ = ordered_json::array();
};

class ReferenceVisitor {
 public:
  // Where each type has its table: one that is used in several places gets it once.
  using Tables = std::map<std::type_index, std::string>;
  ReferenceVisitor(std::string path, std::string& out, Tables& tables)
      : path_(std::move(path)), out_(out), tables_(tables) {}

  void position(Position&) {}
  void given(Given&) {}
  template <class T>
  void field(std::string_view name, T& value, std::string_view sentence, Bounds bounds = kAny) {
    const Kind kind = kind_of(value, bounds);
    row(name, kind.people, kind.default_text, sentence);
  }
  template <class T>
  void required(std::string_view name, T& value, std::string_view sentence, Bounds bounds = kAny) {
    row(name, kind_of(value, bounds).people, "required", sentence);
  }
  void choice(std::string_view name, std::string& value, std::string_view sentence,
              std::initializer_list<std::string_view> allowed) {
    row(name, fmt::format("{}", fmt::join(allowed, ", ")), fmt::format("`{}`", value), sentence);
  }
  void required_choice(std::string_view name, std::string&, std::string_view sentence,
                       std::initializer_list<std::string_view> allowed) {
    row(name, fmt::format("{}", fmt::join(allowed, ", ")), "required", sentence);
  }
  void optional_choice(std::string_view name, std::optional<std::string>&,
                       std::string_view sentence, std::initializer_list<std::string_view> allowed) {
    row(name, fmt::format("{}", fmt::join(allowed, ", ")), "", sentence);
  }
  void kind(bool&) {
    row("kind", "managed, remote", "required",
        "managed: a child process of ours; remote: a server elsewhere.");
  }
  void never(std::string_view name, std::optional<std::chrono::milliseconds>& value,
             std::string_view sentence) {
    row(name, "duration or never", value ? duration_text(*value) : "never", sentence);
  }
  template <class T>
  void section(std::string_view name, T& value, std::string_view sentence) {
    later(name, value, sentence, "");
  }
  template <class T>
  void optional_section(std::string_view name, std::optional<T>&, std::string_view sentence) {
    row(name, "section", "absent", sentence);
    T value{};
    later(name, value, sentence, "");
  }
  template <class T>
  void list(std::string_view name, std::vector<T>&, std::string_view sentence) {
    if (!path_.empty()) row(name, "list", "", sentence);
    T one{};
    later(name, one, sentence, "[]");
  }
  void includes(std::string_view name, std::string_view sentence) {
    row(name, "list of files", "", sentence);
  }
  void secret(std::string_view name, Secret&, std::string_view sentence) {
    row(name, "`file:PATH` or `env:NAME`", "", sentence);
  }
  void required_secret(std::string_view name, Secret&, std::string_view sentence) {
    row(name, "`file:PATH` or `env:NAME`", "required", sentence);
  }
  void optional_secret(std::string_view name, std::optional<Secret>&, std::string_view sentence) {
    row(name, "`file:PATH` or `env:NAME`", "", sentence);
  }
  void file_contents(std::string_view name, std::string&, std::string_view sentence) {
    row(name, "file", "", sentence);
  }
  void finish() { out_ += rest_; }

 private:
  void row(std::string_view name, std::string_view type, std::string_view value,
           std::string_view sentence) {
    if (!table_) out_ += "\n| setting | type | default | |\n|---|---|---|---|\n";
    table_ = true;
    fmt::format_to(std::back_inserter(out_), "| `{}` | {} | {} | {} |\n", name, type, value,
                   sentence);
  }
  // Tables of inner sections follow after this one.
  template <class T>
  void later(std::string_view name, T& value, std::string_view sentence, std::string_view suffix) {
    const std::string path =
        (path_.empty() ? "" : path_ + ".") + std::string(name) + std::string(suffix);
    std::string text = fmt::format("\n## {}\n\n{}\n", path, sentence);
    const auto [first, fresh] = tables_.try_emplace(typeid(T), path);
    if (fresh) {
      ReferenceVisitor inner(path, text, tables_);
      describe(inner, value);
      inner.finish();
    } else {
      text += fmt::format("\nSettings as those of `{}`.\n", first->second);
    }
    rest_ += text;
  }

  std::string path_;
  std::string& out_;
  Tables& tables_;
  std::string rest_;
  bool table_ = false;
};

}  // namespace

std::string json_schema() {
  Config config;
  SchemaVisitor visitor;
  describe(visitor, config);
  ordered_json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                      {"title", "Sovereign Mesh configuration"}};
  schema.update(std::move(visitor).take());
  return schema.dump(2) + "\n";
}

std::string reference_markdown() {
  std::string out =
      "# Configuration reference\n\n"
      "Written by `sovmesh config reference`; do not edit. Durations are a number with ms, s, m, h "
      "or "
      "d. Decimals have at most 6 digits behind the point and are kept exactly. "
      "Plain values may hold `${NAME}` or `${NAME:-default}`. Settings of `server`, `log`, "
      "`security`, `audit` and `ledger` can be given as `SM_SERVER_...`, `SM_LOG_...`, "
      "`SM_SECURITY_...`, `SM_AUDIT_...` and `SM_LEDGER_...` in the environment, lists separated "
      "by commas.\n\n"
      "The file, what it includes, secrets from files and certificates are watched; SIGHUP looks "
      "at "
      "them as well. Tenants, keys, limits, pools, models, routes, prices and the certificate then "
      "change "
      "at "
      "once, all or none; the "
      "log and `config_last_reload_success` say how it went. Changes of `server`, `log`, "
      "`security`, `engines`, `webhooks`, `audit` and `ledger` need a restart, and so does which "
      "engines are in which pool, and how.\n\n"
      "A file that is empty is an error, and the watch leaves a file alone until its writer has "
      "closed it (or, where the system cannot tell, until it has not changed for some seconds). A "
      "tenant that the file no longer has is removed for good, with its projects and keys, and the "
      "log warns "
      "of it by name (`tenants_removed`): the ledger keeps its usage, but a tenant that comes back "
      "under the same name is another one, with an id, a digest key and a usage of its own. To "
      "close a tenant for a while, set `suspended: true`.\n";
  Config config;
  ReferenceVisitor::Tables tables;
  ReferenceVisitor visitor("", out, tables);
  describe(visitor, config);
  visitor.finish();
  return out;
}

}  // namespace sovmesh::config

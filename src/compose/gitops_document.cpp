#include "compose/gitops_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "compose/yaml_text.h"
#include "config/config.h"
#include "control/route_json.h"

namespace sovmesh::compose::gitops {
namespace {

using config::Finding;
using config::YamlNode;

constexpr std::string_view kKind = "kind";
constexpr std::string_view kSpec = "spec";
constexpr std::string_view kManagedBy = "managed_by";
constexpr std::string_view kSource = "source";

std::string_view wanted_text(Type type) {
  switch (type) {
    case Type::text:
      return "one text";
    case Type::flag:
      return "true or false";
    case Type::integer:
      return "a whole number";
    case Type::decimal:
      return "a number, as 600 or 250.00";
    case Type::time:
      return "a time, as 2027-01-31T12:00:00Z";
    case Type::duration:
      return "a duration, as 30s";
    case Type::texts:
      return "a list, as [a, b]";
    case Type::labels:
      return "a mapping, as {name: value}";
    case Type::any:
      break;
  }
  return "a value";
}

// Nothing when it is of another type.
std::optional<Json> value_of(Type type, const YamlNode& node) {
  if (node.is_null() || type == Type::any) return json_of(node);
  if (type == Type::texts) {
    if (!node.is_list() || !std::ranges::all_of(node.values, &YamlNode::is_scalar))
      return std::nullopt;
    Json list = Json::array();
    for (const YamlNode& one : node.values)
      list.push_back(one.text);
    return list;
  }
  if (type == Type::labels) {
    if (!node.is_map() || !std::ranges::all_of(node.values, &YamlNode::is_scalar))
      return std::nullopt;
    Json labels = Json::object();
    for (std::size_t i = 0; i < node.names.size(); ++i)
      labels[node.names[i].text] = node.values[i].text;
    return labels;
  }
  if (!node.is_scalar()) return std::nullopt;
  const Json plain = plain_json(node.text);
  if (type == Type::flag)
    return !node.is_quoted && plain.is_boolean() ? std::optional(plain) : std::nullopt;
  if (type == Type::integer)
    return !node.is_quoted && plain.is_number_integer() ? std::optional(plain) : std::nullopt;
  return Json(node.text);
}

class DocumentReader {
 public:
  DocumentReader(const YamlNode& node, std::vector<Finding>& findings)
      : node_(node), findings_(findings) {}

  std::optional<Document> read() {
    const std::size_t before = findings_.size();
    if (!node_.is_map()) {
      wrong(node_, "want a document with kind, a name and spec");
      return std::nullopt;
    }
    const KindRules* const rules = read_kind();
    if (rules == nullptr) return std::nullopt;
    Document document;
    document.kind = rules->kind;
    document.node = node_;
    read_identity(*rules, document);
    read_text(kManagedBy, document.managed_by);
    if (document.managed_by == "api") document.managed_by.clear();
    read_spec(*rules, document);
    read_text(kSource, document.source);
    check_names(*rules);
    if (rules->kind == Kind::route && findings_.size() == before) check_route(document);
    if (rules->kind == Kind::limit && findings_.size() == before) check_limit(document);
    if (findings_.size() > before) return std::nullopt;
    return document;
  }

 private:
  void wrong(const YamlNode& at, std::string message) {
    findings_.push_back({.position = at.position, .message = std::move(message)});
  }

  const KindRules* read_kind() {
    std::vector<std::string_view> names;
    for (const KindRules& rules : all_kinds())
      names.push_back(rules.name);
    const YamlNode* const kind = node_.find(kKind);
    if (kind == nullptr) {
      wrong(node_, fmt::format("a document needs 'kind': {}", fmt::join(names, ", ")));
      return nullptr;
    }
    const KindRules* const rules = find_kind(kind->text);
    if (rules != nullptr) return rules;
    const std::string_view hint = closest(kind->text, names);
    wrong(*kind, hint.empty()
                     ? fmt::format("there is no kind '{}'; there are {}", kind->text,
                                   fmt::join(names, ", "))
                     : fmt::format("there is no kind '{}'; did you mean '{}'?", kind->text, hint));
    return nullptr;
  }

  void read_identity(const KindRules& rules, Document& document) {
    for (const IdentityMember& member : rules.identity) {
      const YamlNode* const node = node_.find(member.name);
      if (node == nullptr || node->is_null()) {
        if (member.is_required)
          wrong(node == nullptr ? node_ : *node,
                fmt::format("a {} needs '{}'", rules.name, member.name));
        continue;
      }
      const auto value = value_of(member.type, *node);
      if (!value) {
        wrong(*node, fmt::format("{}: want {}", member.name, wanted_text(member.type)));
      } else if (*value == "" && !member.may_be_empty) {
        wrong(*node, fmt::format("{}: is empty", member.name));
      } else if (*value != false) {  // the same as not said
        document.identity[std::string(member.name)] = *value;
      }
    }
  }

  void read_spec(const KindRules& rules, Document& document) {
    static const YamlNode kNothing;
    const YamlNode* spec = node_.find(kSpec);
    if (spec != nullptr && !spec->is_map() && !spec->is_null())
      return wrong(*spec, "spec: want a mapping (name: value)");
    if (spec == nullptr || spec->is_null()) spec = &kNothing;
    for (const SpecMember& member : rules.spec) {
      const YamlNode* const node = spec->find(member.name);
      if (node == nullptr || (node->is_null() && member.is_required)) {
        // An engine of the file that we run has no URL, for one.
        if (member.is_required && document.managed_by.empty())
          wrong(node_.find(kSpec) != nullptr && node_.find(kSpec)->is_map() ? *spec : node_,
                fmt::format("the spec of a {} needs '{}'", rules.name, member.name));
        continue;
      }
      const auto value = value_of(member.type, *node);
      if (!value)
        wrong(*node, fmt::format("{}: want {}", member.name, wanted_text(member.type)));
      else if (!value->is_null())
        document.spec[std::string(member.name)] = *value;
    }
    std::vector<std::string_view> known;
    for (const SpecMember& member : rules.spec)
      known.push_back(member.name);
    for (const YamlNode& name : spec->names)
      check_name(name, known, fmt::format("the spec of a {}", rules.name));
  }

  void read_text(std::string_view name, std::string& out) {
    const YamlNode* const node = node_.find(name);
    if (node == nullptr || node->is_null()) return;
    if (!node->is_scalar()) return wrong(*node, fmt::format("{}: want one text", name));
    out = node->text;
  }

  void check_names(const KindRules& rules) {
    std::vector<std::string_view> known{kKind, kSpec, kManagedBy, kSource};
    for (const IdentityMember& member : rules.identity)
      known.push_back(member.name);
    for (const YamlNode& name : node_.names)
      check_name(name, known, fmt::format("a {}", rules.name));
  }

  void check_name(const YamlNode& name, const std::vector<std::string_view>& known,
                  const std::string& where) {
    if (std::ranges::find(known, name.text) != known.end()) return;
    const std::string_view hint = closest(name.text, known);
    std::string message = fmt::format("unknown member '{}' in {}", name.text, where);
    if (!hint.empty()) message += fmt::format("; did you mean '{}'?", hint);
    if (hint.empty() && known.empty()) message += ", which has none";
    wrong(name, std::move(message));
  }

  // By the API's own reader.
  void check_route(const Document& document) {
    Json body = document.spec;
    body["name"] = document.text("name");
    config::Route route;
    const auto read = control::read_route(body.dump(), control::RouteText::whole, route);
    if (read) return;
    const config::Position at = document.at(read.error().param());
    findings_.push_back({.position = at, .message = std::string(read.error().message())});
  }

  void check_limit(const Document& document) {
    const auto has = [&](const char* member) { return document.identity.contains(member) ? 1 : 0; };
    if (has("tenant") + has("pool") != 1) {
      wrong(node_,
            "a limit is for a tenant (and of it perhaps one project, user or key) or a pool");
    } else if (has("project") + has("user") + has("key") > (has("tenant") == 1 ? 1 : 0)) {
      wrong(node_,
            "a limit of a tenant is for one project, one user or one key; of a pool for none");
    } else if (has("key") == 1 && document.text("key").find('/') == std::string::npos) {
      wrong(*node_.find("key"), "key: want PROJECT/NAME, as the key's own document has them");
    }
  }

  const YamlNode& node_;
  std::vector<Finding>& findings_;
};

// "versions[0].model" -> "versions", "[0]", "model": the next step down, taken off `path`.
std::string take_step(std::string_view& path) {
  if (path.starts_with('.')) path.remove_prefix(1);
  if (path.starts_with('[')) {
    const auto end = path.find(']');
    const std::string step(path.substr(0, end == path.npos ? path.size() : end + 1));
    path.remove_prefix(step.size());
    return step;
  }
  const auto end = std::min(path.find_first_of(".["), path.size());
  const std::string step(path.substr(0, end));
  path.remove_prefix(end);
  return step;
}

const YamlNode* step_down(const YamlNode& from, std::string_view step) {
  if (!step.starts_with('[')) return from.find(step);
  const auto index = parse_u64(step.substr(1, step.size() - 2));
  return index && from.is_list() && *index < from.values.size() ? &from.values[*index] : nullptr;
}

Json identity_of_key(const std::string& tenant, const std::string& project,
                     const std::string& name) {
  return {{"tenant", tenant}, {"project", project}, {"name", name}};
}

std::string reference(Kind kind, Json identity) {
  return Object{.kind = kind, .identity = std::move(identity), .managed_by = "", .source = ""}
      .key();
}

}  // namespace

std::string Object::text(std::string_view member) const {
  const auto found = identity.find(std::string(member));
  if (found == identity.end()) return {};
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string Object::key() const {
  std::string out(rules().name);
  for (const IdentityMember& member : rules().identity) {
    out += '\n';
    if (identity.contains(std::string(member.name)))
      out += fmt::format("{}={}", member.name, text(member.name));
  }
  return out;
}

std::string Object::title() const {
  std::string out;
  for (const IdentityMember& member : rules().identity) {
    if (!identity.contains(std::string(member.name))) continue;
    out += out.empty() ? "" : "/";
    out += member.type == Type::flag ? std::string(member.name) : text(member.name);
  }
  return fmt::format("{} {}", rules().name, out);
}

config::Position Document::at(std::string_view param) const {
  const YamlNode* place = &node;
  const auto walk = [&](const YamlNode* from, std::string_view path) {
    while (from != nullptr && !path.empty()) {
      place = from;
      from = step_down(*from, take_step(path));
    }
    if (from != nullptr) place = from;
  };
  if (param.empty()) return node.position;
  std::string_view first = param;
  if (const YamlNode* const spec = node.find(kSpec);
      spec != nullptr && spec->find(take_step(first)) != nullptr)
    walk(spec, param);
  else
    walk(&node, param);
  return place->position;
}

std::vector<Document> read_documents(const std::string& file, std::string_view text,
                                     std::vector<Finding>& findings) {
  std::vector<Document> documents;
  for (const YamlNode& node : config::read_yaml(file, text, findings)) {
    if (auto document = DocumentReader(node, findings).read())
      documents.push_back(*std::move(document));
  }
  return documents;
}

void check_twice(const std::vector<Document>& documents, std::vector<Finding>& findings) {
  std::map<std::string, const Document*> first;
  for (const Document& document : documents) {
    const auto [at, is_new] = first.try_emplace(document.key(), &document);
    if (is_new) continue;
    findings.push_back({.position = document.at(),
                        .message = fmt::format("the {} stands twice (first {})", document.title(),
                                               at->second->at().text())});
  }
}

std::string document_text(const Object& object) {
  Json out{{kKind, object.rules().name}};
  for (const IdentityMember& member : object.rules().identity) {
    const auto found = object.identity.find(std::string(member.name));
    if (found != object.identity.end()) out[std::string(member.name)] = *found;
  }
  if (!object.managed_by.empty()) {
    out[std::string(kManagedBy)] = object.managed_by;
    if (!object.source.empty()) out[std::string(kSource)] = object.source;
  }
  if (!object.spec.empty()) out[std::string(kSpec)] = object.spec;
  return yaml_text(out);
}

namespace {

// As the API reads it and shows it again, with all that was not said.
Json whole_route(const Object& object) {
  Json body = object.spec;
  body["name"] = object.text("name");
  config::Route route;
  if (!control::read_route(body.dump(), control::RouteText::whole, route)) return object.spec;
  Json whole = Json::parse(control::route_json(route), nullptr, false);
  whole.erase("name");
  return whole;
}

}  // namespace

Json whole_spec(const Object& object) {
  if (object.kind == Kind::route) return whole_route(object);
  Json whole = Json::object();
  for (const SpecMember& member : object.rules().spec) {
    const std::string name(member.name);
    if (const auto said = object.spec.find(name); said != object.spec.end()) {
      whole[name] = canonical(member.type, *said);
    } else if (member.usual == kTheName) {
      whole[name] = object.text("name");
    } else if (!member.usual.empty()) {
      whole[name] = canonical(member.type, Json::parse(member.usual));
    }
  }
  return whole;
}

std::vector<Change> changes_between(const Object& live, const Object& wanted) {
  std::vector<Change> changes;
  const Json before = whole_spec(live);
  const Json after = whole_spec(wanted);
  for (const auto& [name, value] : after.items()) {
    const auto was = before.find(name);
    const Json old = was == before.end() ? Json() : *was;
    if (old != value) changes.push_back({.member = name, .before = old, .after = value});
  }
  return changes;
}

std::vector<std::string> references_of(const Object& object) {
  std::vector<std::string> out;
  const auto named = [&](Kind kind, const Json& name) {
    if (name.is_string()) out.push_back(reference(kind, {{"name", name}}));
  };
  const auto each = [&](const Json& list, const auto& use) {
    if (!list.is_array()) return;
    for (const Json& one : list)
      use(one);
  };
  const std::string tenant = object.text("tenant");
  if (!tenant.empty()) named(Kind::tenant, tenant);
  if (const std::string project = object.text("project"); !project.empty())
    out.push_back(reference(Kind::project, {{"tenant", tenant}, {"name", project}}));
  const Json& spec = object.spec;
  switch (object.kind) {
    case Kind::membership:
      named(Kind::user, object.text("user"));
      break;
    case Kind::model:
      each(spec.value("engines", Json()), [&](const Json& one) { named(Kind::engine, one); });
      each(spec.value("tenants", Json()), [&](const Json& one) { named(Kind::tenant, one); });
      break;
    case Kind::route:
      each(spec.value("versions", Json()), [&](const Json& one) {
        if (one.is_object()) named(Kind::model, one.value("model", Json()));
      });
      each(spec.value("fallbacks", Json()), [&](const Json& one) {
        if (!one.is_object()) return;
        named(Kind::model, one.value("model", Json()));
        named(Kind::route, one.value("route", Json()));
      });
      each(spec.value("conditions", Json()), [&](const Json& one) {
        if (one.is_object()) named(Kind::tenant, one.value("tenant", Json()));
      });
      if (const Json grey = spec.value("grey", Json()); grey.is_object())
        each(grey.value("tenants", Json()), [&](const Json& one) { named(Kind::tenant, one); });
      break;
    case Kind::settings:
      each(spec.value("models", Json()), [&](const Json& one) {
        named(Kind::model, one);
        named(Kind::route, one);
      });
      break;
    case Kind::limit:
      if (const std::string key = object.text("key"); !key.empty()) {
        const auto slash = std::min(key.find('/'), key.size());
        const std::string name = slash < key.size() ? key.substr(slash + 1) : "";
        out.push_back(reference(Kind::key, identity_of_key(tenant, key.substr(0, slash), name)));
      }
      if (const std::string model = object.text("model"); !model.empty()) {
        named(Kind::model, model);
        named(Kind::route, model);
      }
      break;
    default:
      break;
  }
  return out;
}

}  // namespace sovmesh::compose::gitops

#include "compose/yaml_text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace sovmesh::compose {
namespace {

using json = nlohmann::ordered_json;
using config::YamlNode;

constexpr std::size_t kLineMax = 88;

std::string in_quotes(std::string_view text) {
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

// Words that a reader of any version of YAML might take for something else.
bool is_special_word(std::string_view text) {
  constexpr std::array<std::string_view, 8> kWords{"null", "true", "false", "yes",
                                                   "no",   "on",   "off",   "y"};
  const std::string lower = to_lower(text);
  return lower == "n" || std::ranges::find(kWords, lower) != kWords.end();
}

// Letters first, and nothing in it that has a meaning: fine as it is, also within [ ].
bool is_plain(std::string_view text) {
  const auto fine = [](char c) {
    return is_base62({&c, 1}) || c == '.' || c == '_' || c == '/' || c == '-' || c == '@' ||
           c == ' ';
  };
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && is_letter(text.front()) && text.back() != ' ' &&
         std::ranges::all_of(text, fine) && !is_special_word(text);
}

// "30s", "07a": a digit first, but no number, date or anything else.
bool is_plain_quantity(std::string_view text) {
  const auto letters = std::ranges::count_if(
      text, [](char c) { return c == 's' || c == 'm' || c == 'h' || c == 'd'; });
  return text.size() > 1 && letters > 0 && is_base62(text) && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || c == 's' || c == 'm' || c == 'h' || c == 'd';
         });
}

bool is_flat(const json& value) { return !value.is_object() && !value.is_array(); }

std::string flow(const json& list) {
  std::string out;
  for (const json& one : list)
    out += (out.empty() ? "" : ", ") + yaml_scalar(one);
  return "[" + out + "]";
}

void write(std::string& out, const json& value, std::size_t indent);

// Behind "name:" or "-": on the same line, or below.
void write_value(std::string& out, const json& value, std::size_t indent) {
  if (is_flat(value) || value.empty()) {
    out += " " + yaml_scalar(value) + "\n";
    return;
  }
  if (value.is_array() && std::ranges::all_of(value, is_flat)) {
    const std::string line = flow(value);
    if (line.size() + indent <= kLineMax) {
      out += " " + line + "\n";
      return;
    }
  }
  out += "\n";
  write(out, value, indent);
}

void write(std::string& out, const json& value, std::size_t indent) {
  const std::string space(indent, ' ');
  if (value.is_object()) {
    for (const auto& [name, member] : value.items()) {
      out += space + yaml_scalar(name) + ":";
      write_value(out, member, indent + 2);
    }
    return;
  }
  for (const json& one : value) {
    if (!one.is_object() || one.empty()) {
      out += space + "-";
      write_value(out, one, indent + 2);
      continue;
    }
    std::string inner;
    write(inner, one, indent + 2);
    inner[indent] = '-';  // the first member stands behind it
    out += inner;
  }
}

bool is_integer(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return parse_u64(text).has_value();
}

}  // namespace

std::string yaml_scalar(const json& value) {
  if (value.is_object()) return "{}";
  if (value.is_array()) return flow(value);
  if (!value.is_string()) return value.dump(-1, ' ', false, json::error_handler_t::replace);
  const auto& text = value.get_ref<const std::string&>();
  return is_plain(text) || is_plain_quantity(text) ? text : in_quotes(text);
}

std::string yaml_text(const json& value) {
  std::string out;
  if (is_flat(value) || value.empty()) return yaml_scalar(value) + "\n";
  write(out, value, 0);
  return out;
}

json plain_json(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  const bool is_number_like =
      is_integer(text) ||
      (!text.empty() && (text.front() == '-' || (text.front() >= '0' && text.front() <= '9')) &&
       text.find_first_not_of("0123456789.eE+-") == text.npos);
  if (is_number_like) {
    if (json number = json::parse(text, nullptr, false); number.is_number()) return number;
  }
  return std::string(text);
}

json json_of(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::null:
      return nullptr;
    case YamlNode::Kind::scalar:
      return node.is_quoted ? json(node.text) : plain_json(node.text);
    case YamlNode::Kind::list: {
      json list = json::array();
      for (const YamlNode& one : node.values)
        list.push_back(json_of(one));
      return list;
    }
    case YamlNode::Kind::map:
      break;
  }
  json object = json::object();
  for (std::size_t i = 0; i < node.names.size(); ++i)
    object[node.names[i].text] = json_of(node.values[i]);
  return object;
}

}  // namespace sovmesh::compose

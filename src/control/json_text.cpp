#include "control/json_text.h"

#include "base/bytes.h"
#include "base/time_text.h"

namespace sovmesh::control {

void JsonText::name(std::string_view name) {
  if (out_.size() > 1) out_ += ',';
  append_json_string(out_, name);
  out_ += ':';
}

JsonText& JsonText::raw(std::string_view member, std::string_view json) {
  name(member);
  out_ += json;
  return *this;
}

JsonText& JsonText::text(std::string_view member, std::string_view value) {
  name(member);
  append_json_string(out_, value);
  return *this;
}

JsonText& JsonText::text_or_null(std::string_view member, const std::optional<std::string>& value) {
  return value ? text(member, std::string_view(*value)) : null(member);
}

JsonText& JsonText::texts(std::string_view member, const std::vector<std::string>& values) {
  std::vector<std::string> jsons;
  for (const std::string& value : values)
    append_json_string(jsons.emplace_back(), value);
  return raw(member, json_list(jsons));
}

JsonText& JsonText::number(std::string_view member, std::int64_t value) {
  return raw(member, std::to_string(value));
}

JsonText& JsonText::flag(std::string_view member, bool value) {
  return raw(member, value ? "true" : "false");
}

JsonText& JsonText::time(std::string_view member, WallTime value) {
  return text(member, std::string_view(to_rfc3339(value)));
}

JsonText& JsonText::null(std::string_view member) { return raw(member, "null"); }

std::string map_json(const std::map<std::string, std::string>& texts) {
  std::string out = "{";
  for (const auto& [name, text] : texts) {
    if (out.size() > 1) out += ',';
    append_json_string(out, name);
    out += ':';
    append_json_string(out, text);
  }
  return out + "}";
}

std::string json_list(const std::vector<std::string>& jsons) {
  std::string out = "[";
  for (const std::string& json : jsons) {
    if (out.size() > 1) out += ',';
    out += json;
  }
  return out + "]";
}

}  // namespace sovmesh::control

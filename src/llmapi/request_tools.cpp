#include "llmapi/request_parser.h"
#include "llmapi/text_size.h"

namespace sovmesh::llmapi {

Keep RequestParser::tools() {
  const char* const begin = in_.json().mark();
  if (!in_.array(1, kToolsMax, [this](std::size_t) { return tool(); })) return Keep::fail;
  request_.has_tools = true;
  // Templates put the definitions into the prompt.
  const std::string_view definitions(begin, static_cast<std::size_t>(in_.json().mark() - begin));
  request_.prompt_tokens_estimate += size_of_text(definitions, definitions.size()).tokens_usual;
  return Keep::keep;
}

bool RequestParser::tool() {
  bool has_type = false;
  bool has_function = false;
  const bool read = in_.object([&](std::string_view key) {
    std::size_t which = 0;
    if (key == "type") {
      has_type = true;
      return keep(in_.one_of({"function"}, which));
    }
    if (key == "function") {
      has_function = true;
      return keep(function_definition());
    }
    return in_.unknown(key);
  });
  if (!read) return false;
  return (has_type || in_.missing("type")) && (has_function || in_.missing("function"));
}

bool RequestParser::function_definition() {
  bool has_name = false;
  const bool read = in_.object([&](std::string_view key) {
    if (key == "name") {
      has_name = true;
      return keep(in_.name());
    }
    bool strict = false;
    if (key == "description") return in_.skip_null() ? Keep::drop : keep(in_.string());
    if (key == "parameters") return in_.skip_null() ? Keep::drop : keep(in_.any_object());
    if (key == "strict") return in_.skip_null() ? Keep::drop : keep(in_.boolean(strict));
    return in_.unknown(key);
  });
  return read && (has_name || in_.missing("name"));
}

Keep RequestParser::tool_choice() {
  std::size_t which = 0;
  if (in_.json().kind() == JsonKind::string) {
    if (!in_.one_of({"none", "auto", "required"}, which)) return Keep::fail;
    needs_tools_ = which == 2;
    return Keep::keep;
  }
  if (in_.json().kind() != JsonKind::object) return keep(in_.wrong_type("a string or an object"));
  needs_tools_ = true;
  bool has_type = false;
  bool has_function = false;
  const bool read = in_.object([&](std::string_view key) {
    if (key == "type") {
      has_type = true;
      return keep(in_.one_of({"function"}, which));
    }
    if (key == "function") {
      has_function = true;
      bool has_name = false;
      const bool named = in_.object([&](std::string_view inner) {
        if (inner != "name") return in_.unknown(inner);
        has_name = true;
        return keep(in_.name());
      });
      return keep(named && (has_name || in_.missing("name")));
    }
    return in_.unknown(key);
  });
  return keep(read && (has_type || in_.missing("type")) &&
              (has_function || in_.missing("function")));
}

Keep RequestParser::response_format() {
  std::optional<std::size_t> type;
  bool has_schema = false;
  const bool read = in_.object([&](std::string_view key) {
    if (key == "type") {
      std::size_t which = 0;
      if (!in_.one_of({"text", "json_object", "json_schema"}, which)) return Keep::fail;
      type = which;
      return Keep::keep;
    }
    if (key == "json_schema") {
      if (in_.skip_null()) return Keep::drop;
      has_schema = true;
      return keep(json_schema());
    }
    return in_.unknown(key);
  });
  if (!read) return Keep::fail;
  if (!type) return keep(in_.missing("type"));
  request_.has_json_schema = *type == 2;
  request_.wants_json = *type != 0;
  if (request_.has_json_schema && !has_schema) return keep(in_.missing("json_schema"));
  return Keep::keep;
}

bool RequestParser::json_schema() {
  bool has_name = false;
  const bool read = in_.object([&](std::string_view key) {
    if (key == "name") {
      has_name = true;
      return keep(in_.name());
    }
    if (key == "schema") {
      const char* const begin = in_.json().mark();
      if (!in_.any_object()) return Keep::fail;
      if (static_cast<std::size_t>(in_.json().mark() - begin) <= kSchemaBytesMax) return Keep::keep;
      return in_.refuse(Code::string_above_max_length,
                        "Invalid '" + in_.where() + "': the schema is larger than " +
                            std::to_string(kSchemaBytesMax) + " bytes.");
    }
    bool strict = false;
    if (key == "description") return in_.skip_null() ? Keep::drop : keep(in_.string());
    if (key == "strict") return in_.skip_null() ? Keep::drop : keep(in_.boolean(strict));
    return in_.unknown(key);
  });
  return read && (has_name || in_.missing("name"));
}

}  // namespace sovmesh::llmapi

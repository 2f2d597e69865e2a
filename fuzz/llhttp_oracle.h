#pragma once

#include <llhttp.h>

#include <optional>
#include <string>
#include <string_view>

namespace sovmesh::fuzz {

// What llhttp (strict) reads from a head: one "name: value" line per field, names in lower case,
// values trimmed; nothing when it refuses the head or sees its end elsewhere than at `head`'s.
class LlhttpOracle {
 public:
  static std::optional<std::string> fields(llhttp_type_t type, std::string_view head) {
    llhttp_settings_t settings;
    llhttp_settings_init(&settings);
    settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
      self(parser).name_.append(at, size);
      return 0;
    };
    settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
      self(parser).value_.append(at, size);
      return 0;
    };
    settings.on_header_value_complete = [](llhttp_t* parser) {
      self(parser).finish_field();
      return 0;
    };
    settings.on_headers_complete = [](llhttp_t* /*parser*/) -> int { return HPE_PAUSED; };
    LlhttpOracle oracle;
    llhttp_t parser;
    llhttp_init(&parser, type, &settings);
    parser.data = &oracle;
    const bool whole = llhttp_execute(&parser, head.data(), head.size()) == HPE_PAUSED &&
                       llhttp_get_error_pos(&parser) == head.data() + head.size();
    return whole ? std::optional(oracle.fields_) : std::nullopt;
  }

 private:
  static LlhttpOracle& self(llhttp_t* parser) { return *static_cast<LlhttpOracle*>(parser->data); }
  void finish_field() {
    for (char& c : name_)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    while (!value_.empty() && (value_.back() == ' ' || value_.back() == '\t'))
      value_.pop_back();
    fields_ += name_ + ": " + value_ + "\n";
    name_.clear();
    value_.clear();
  }

  std::string name_;
  std::string value_;
  std::string fields_;
};

}  // namespace sovmesh::fuzz

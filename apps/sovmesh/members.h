#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace sovmesh {

// A JSON object of the options that were given.
class Members {
 public:
  void text(std::string_view name, const std::string& value) {
    if (!value.empty()) append_json_string(begin(name), value);
  }
  void texts(std::string_view name, const std::vector<std::string>& values) {
    if (values.empty()) return;
    std::string& out = begin(name);
    out += '[';
    for (const std::string& value : values) {
      if (out.back() != '[') out += ',';
      append_json_string(out, value);
    }
    out += ']';
  }
  // NAME=VALUE each; "none" alone: there are to be none.
  void labels(std::string_view name, const std::vector<std::string>& texts) {
    if (texts.empty()) return;
    std::string& out = begin(name);
    out += '{';
    for (const std::string& text : texts) {
      const auto equals = text.find('=');
      if (equals == text.npos) continue;
      if (out.back() != '{') out += ',';
      append_json_string(out, std::string_view(text).substr(0, equals));
      out += ':';
      append_json_string(out, std::string_view(text).substr(equals + 1));
    }
    out += '}';
  }
  void raw(std::string_view name, std::string_view json) { begin(name) += json; }
  std::string end() const { return out_ + "}"; }

 private:
  std::string& begin(std::string_view name) {
    if (out_.size() > 1) out_ += ',';
    append_json_string(out_, name);
    return out_ += ':';
  }
  std::string out_ = "{";
};

}  // namespace sovmesh

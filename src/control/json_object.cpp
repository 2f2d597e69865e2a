#include "control/json_object.h"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sovmesh::control {
namespace {

using nlohmann::json;

// Finds a key that stands twice in one object, at any depth, while the text is parsed.
class DuplicateKeys {
 public:
  bool operator()(int, json::parse_event_t event, const json& parsed) {
    if (event == json::parse_event_t::object_start) open_.emplace_back();
    if (event == json::parse_event_t::object_end) open_.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!open_.back().insert(key).second && !found) found = key;
    }
    return true;
  }
  std::optional<std::string> found;

 private:
  std::vector<std::set<std::string, std::less<>>> open_;
};

}  // namespace

Result<json> parse_json_object(std::string_view bytes) {
  if (bytes.empty()) return json::object();
  DuplicateKeys duplicates;
  json parsed = json::parse(bytes, std::ref(duplicates), false);
  if (duplicates.found)
    return client_error(Code::duplicate_key, fmt::format("'{}': stands twice", *duplicates.found),
                        *duplicates.found);
  if (parsed.is_discarded()) return client_error(Code::invalid_json, "the body is not valid JSON");
  if (!parsed.is_object())
    return client_error(Code::invalid_type, "the body must be a JSON object");
  return parsed;
}

}  // namespace sovmesh::control

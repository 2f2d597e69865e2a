#include "control/json_body.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>
#include <utility>

#include "control/json_object.h"

namespace sovmesh::control {

using nlohmann::json;

struct JsonBody::Impl {
  json object = json::object();
  std::set<std::string, std::less<>> asked;
  std::set<std::string, std::less<>> nullable;
  std::optional<Error> error;

  // Null when the member is absent or null.
  const json* find(const char* name) {
    asked.insert(name);
    const auto it = object.find(name);
    return it == object.end() || it->is_null() ? nullptr : &*it;
  }
};

JsonBody::JsonBody(std::string_view bytes) : impl_(std::make_unique<Impl>()) {
  auto parsed = parse_json_object(bytes);
  if (parsed)
    impl_->object = *std::move(parsed);
  else
    impl_->error = std::move(parsed).error();
}

JsonBody::~JsonBody() = default;

void JsonBody::fail_at(Code code, const char* name, std::string_view wanted) {
  if (impl_->error) return;
  impl_->error = Error(code, Blame::client, fmt::format("'{}': {}", name, wanted)).with_param(name);
}

std::optional<std::string> JsonBody::text(const char* name) {
  const json* value = impl_->find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) {
    fail_at(Code::invalid_type, name, "want a string");
    return std::nullopt;
  }
  auto text = value->get<std::string>();
  if (text.size() > kTextMax) fail_at(Code::string_above_max_length, name, "the text is too long");
  return text;
}

std::string JsonBody::required_text(const char* name) {
  std::optional<std::string> value = text(name);
  if (!value) fail_at(Code::missing_required_parameter, name, "is missing");
  return std::move(value).value_or("");
}

std::optional<std::vector<std::string>> JsonBody::texts(const char* name) {
  const json* value = impl_->find(name);
  if (value == nullptr) return std::nullopt;
  std::vector<std::string> out;
  if (!value->is_array()) fail_at(Code::invalid_type, name, "want a list of strings");
  if (value->size() > kListMax)
    fail_at(Code::array_above_max_length, name, "the list has too many entries");
  if (impl_->error) return out;
  for (const json& entry : *value) {
    if (!entry.is_string() || entry.get_ref<const std::string&>().size() > kTextMax) {
      fail_at(Code::invalid_type, name, "want a list of (short) strings");
      return out;
    }
    out.push_back(entry.get<std::string>());
  }
  return out;
}

std::optional<std::map<std::string, std::string>> JsonBody::text_map(const char* name) {
  const json* value = impl_->find(name);
  if (value == nullptr) return std::nullopt;
  std::map<std::string, std::string> out;
  if (!value->is_object()) fail_at(Code::invalid_type, name, "want an object of strings");
  if (value->size() > kListMax)
    fail_at(Code::array_above_max_length, name, "the object has too many members");
  if (impl_->error) return out;
  for (const auto& [member, text] : value->items()) {
    if (!text.is_string() || text.get_ref<const std::string&>().size() > kTextMax) {
      fail_at(Code::invalid_type, name, "want an object of (short) strings");
      return out;
    }
    out.emplace(member, text.get<std::string>());
  }
  return out;
}

std::optional<bool> JsonBody::flag(const char* name) {
  const json* value = impl_->find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  fail_at(Code::invalid_type, name, "want true or false");
  return std::nullopt;
}

std::optional<std::int64_t> JsonBody::number(const char* name, std::int64_t min, std::int64_t max) {
  const json* value = impl_->find(name);
  if (value == nullptr) return std::nullopt;
  const bool fits = value->is_number_integer() &&
                    (!value->is_number_unsigned() || value->get<std::uint64_t>() <= INT64_MAX);
  if (!fits) {
    fail_at(Code::invalid_type, name, "want an integer");
    return std::nullopt;
  }
  const auto number = value->get<std::int64_t>();
  if (number < min) fail_at(Code::integer_below_min_value, name, fmt::format("at least {}", min));
  if (number > max) fail_at(Code::integer_above_max_value, name, fmt::format("at most {}", max));
  return number;
}

std::optional<Decimal> JsonBody::decimal(const char* name) {
  const json* value = impl_->find(name);
  if (value == nullptr) return std::nullopt;
  const std::string text = value->is_string()           ? value->get<std::string>()
                           : value->is_number_integer() ? value->dump()
                                                        : std::string();
  if (text.empty()) {
    fail_at(Code::invalid_type, name, "want an integer, or a number with decimals as a string");
    return std::nullopt;
  }
  const Result<Decimal> decimal = parse_decimal(text);
  if (decimal) return *decimal;
  fail_at(Code::invalid_value, name, decimal.error().message());
  return std::nullopt;
}

bool JsonBody::is_null(const char* name) {
  impl_->nullable.insert(name);
  const auto it = impl_->object.find(name);
  return it != impl_->object.end() && it->is_null();
}

bool JsonBody::is_empty() const { return impl_->object.empty(); }

Result<void> JsonBody::done() {
  for (const auto& [name, value] : impl_->object.items()) {
    if (!impl_->asked.contains(name)) fail_at(Code::unsupported_parameter, name.c_str(), "unknown");
    if (value.is_null() && !impl_->nullable.contains(name))
      fail_at(Code::invalid_type, name.c_str(), "must not be null; leave it out");
  }
  if (impl_->error) return fail(*impl_->error);
  return {};
}

}  // namespace sovmesh::control

#include "llmapi/request_fields.h"

#include <algorithm>
#include <cmath>

namespace sovmesh::llmapi {
namespace {

// Members that would undo what the gateway decides for an engine: slots, caches, adapters, metering
// or scheduling. No policy lets a client set them.
constexpr std::array kReserved = std::to_array<std::string_view>({
    "id_slot",
    "slot_id",
    "cache_prompt",
    "cache_salt",
    "lora",
    "lora_path",
    "lora_adapters",
    "n_predict",
    "max_new_tokens",
    "timings_per_token",
    "return_progress",
    "return_tokens",
    "response_fields",
    "n_probs",
    "priority",
    "request_id",
    "rid",
    "session_params",
    "kv_transfer_params",
    "bootstrap_host",
    "bootstrap_port",
    "bootstrap_room",
    "data_parallel_rank",
    "chat_template",
    "n_cache_reuse",
});

std::string_view describe(JsonKind kind) {
  switch (kind) {
    case JsonKind::object:
      return "an object";
    case JsonKind::array:
      return "an array";
    case JsonKind::string:
      return "a string";
    case JsonKind::number:
      return "a number";
    case JsonKind::boolean:
      return "a boolean";
    case JsonKind::null:
      return "null";
    case JsonKind::none:
      break;
  }
  return "something else";
}

std::string text_of(double value) {
  if (value == std::floor(value)) return std::to_string(static_cast<std::int64_t>(value));
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

}  // namespace

bool RequestFields::string() {
  return json_.kind() == JsonKind::string ? json_.string() : wrong_type("a string");
}

bool RequestFields::string_up_to(std::size_t bytes_max) {
  if (!string()) return false;
  if (json_.string_text_size() <= bytes_max) return true;
  return fail(Code::string_above_max_length,
              "Invalid '" + where() + "': string too long. Expected a string with maximum length " +
                  std::to_string(bytes_max) + ".");
}

bool RequestFields::name() {
  constexpr std::size_t length_max = 64;
  if (!string_up_to(length_max)) return false;
  const std::string_view text = json_.string_json();
  if (!text.empty() && std::ranges::all_of(text, is_name_char)) return true;
  return fail(Code::invalid_value, "Invalid '" + where() +
                                       "': expected 1 to 64 letters, digits, underscores and "
                                       "dashes.");
}

bool RequestFields::one_of(std::initializer_list<std::string_view> allowed, std::size_t& which) {
  if (!string()) return false;
  const auto* const found = std::ranges::find(allowed, json_.string_json());
  if (found != allowed.end()) {
    which = static_cast<std::size_t>(found - allowed.begin());
    return true;
  }
  std::string message = "Invalid value for '" + where() + "'. Supported values are: ";
  for (const std::string_view value : allowed) {
    if (value != *allowed.begin()) message += ", ";
    message.append("'").append(value).append("'");
  }
  return fail(Code::invalid_value, message + ".");
}

bool RequestFields::boolean(bool& value) {
  if (json_.kind() != JsonKind::boolean) return wrong_type("a boolean");
  if (!json_.literal()) return false;
  value = json_.literal_is_true();
  return true;
}

bool RequestFields::integer(std::int64_t min, std::int64_t max, std::int64_t& value) {
  if (json_.kind() != JsonKind::number) return wrong_type("an integer");
  if (!json_.number()) return false;
  const std::string_view text = json_.number_text();
  if (!json_.number_is_integer()) {
    return fail(Code::invalid_type, "Invalid type for '" + where() +
                                        "': expected an integer, but got a decimal number "
                                        "instead.");
  }
  const auto parsed = to_integer(text);
  value = parsed.value_or(text.starts_with('-') ? std::numeric_limits<std::int64_t>::min()
                                                : std::numeric_limits<std::int64_t>::max());
  if (parsed && value >= min && value <= max) return true;
  const std::string got = parsed ? ", but got " + std::to_string(value) + " instead." : ".";
  if (value < min || (!parsed && value < 0)) {
    return fail(Code::integer_below_min_value,
                "Invalid '" + where() + "': integer below minimum value. Expected a value >= " +
                    std::to_string(min) + got);
  }
  return fail(Code::integer_above_max_value,
              "Invalid '" + where() + "': integer above maximum value. Expected a value <= " +
                  std::to_string(max) + got);
}

bool RequestFields::decimal(double min, double max) {
  if (json_.kind() != JsonKind::number) return wrong_type("a decimal");
  if (!json_.number()) return false;
  const double value = to_double(json_.number_text());
  if (value >= min && value <= max) return true;
  return fail(Code::invalid_value, "Invalid '" + where() + "': decimal " +
                                       (value < min ? "below minimum" : "above maximum") +
                                       " value. Expected a value between " + text_of(min) +
                                       " and " + text_of(max) + ".");
}

bool RequestFields::any_object() {
  return json_.kind() == JsonKind::object ? json_.value() : wrong_type("an object");
}

bool RequestFields::null_or_string() {
  if (json_.kind() == JsonKind::null) return json_.literal();
  return string();
}

bool RequestFields::skip_null() {
  if (json_.kind() != JsonKind::null) return false;
  char* const mark = json_.mark();
  if (!json_.literal()) return false;
  json_.rewind(mark);
  return true;
}

bool is_reserved_field(std::string_view name) {
  return std::ranges::find(kReserved, name) != kReserved.end();
}

Keep RequestFields::unknown(std::string_view key) {
  const bool wanted = !is_reserved_field(key) && policy_.extra_fields != nullptr &&
                      path_size_ == 1 && policy_.extra_fields->contains(key);
  if (!wanted && policy_.reject_unknown) {
    return refuse(Code::unsupported_parameter,
                  "Unsupported parameter: '" + where() + "' is not supported with this model.");
  }
  if (!json_.value()) return Keep::fail;
  return wanted ? Keep::keep : Keep::drop;
}

bool RequestFields::fail(Code code, std::string message) {
  error_ = Error(code, Blame::client, std::move(message)).with_param(where());
  return false;
}

Keep RequestFields::refuse(Code code, std::string message) {
  fail(code, std::move(message));
  return Keep::fail;
}

bool RequestFields::wrong_type(std::string_view expected) {
  const JsonKind kind = json_.kind();
  if (kind == JsonKind::none) {
    (void)json_.value();  // sets the fault
    return false;
  }
  const std::string path = where();
  const std::string what = path.empty() ? "the request body" : "'" + path + "'";
  return fail(Code::invalid_type, "Invalid type for " + what + ": expected " +
                                      std::string(expected) + ", but got " +
                                      std::string(describe(kind)) + " instead.");
}

bool RequestFields::missing(std::string_view key) {
  return fail_at(key, Code::missing_required_parameter, "Missing required parameter: '", "'.");
}

bool RequestFields::fail_at(std::string_view key, Code code, std::string_view text_before,
                            std::string_view text_after) {
  std::string path = where();
  if (!path.empty()) path += '.';
  path += key;
  std::string message = std::string(text_before) + path + std::string(text_after);
  error_ = Error(code, Blame::client, std::move(message)).with_param(std::move(path));
  return false;
}

std::string RequestFields::where() const {
  constexpr std::size_t key_bytes_max = 64;
  std::string path;
  for (std::size_t i = 0; i < std::min(path_size_, kPathMax); ++i) {
    const Segment& segment = path_[i];
    if (segment.key.data() == nullptr) {
      path += "[" + std::to_string(segment.index) + "]";
      continue;
    }
    if (!path.empty()) path += '.';
    // A client's own name: shortened, but never inside a character.
    std::size_t size = std::min(segment.key.size(), key_bytes_max);
    while (size > 0 && size < segment.key.size() &&
           (static_cast<unsigned char>(segment.key[size]) & 0xC0U) == 0x80U)
      --size;
    path += segment.key.substr(0, size);
  }
  return path;
}

}  // namespace sovmesh::llmapi

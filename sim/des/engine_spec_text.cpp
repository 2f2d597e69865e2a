#include "sim/des/engine_spec_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <variant>

namespace sovmesh::des {
namespace {

using Member =
    std::variant<double EngineSpec::*, std::int64_t EngineSpec::*, std::size_t EngineSpec::*>;
struct Setting {
  std::string_view name;
  Member member;
};
constexpr std::array<Setting, 14> kSettings{{
    {"base-us", &EngineSpec::base_us},
    {"prefill-us", &EngineSpec::prefill_us},
    {"decode-us", &EngineSpec::decode_us},
    {"context-us", &EngineSpec::context_us},
    {"context-scale", &EngineSpec::context_scale},
    {"kv-tokens", &EngineSpec::kv_tokens},
    {"block-tokens", &EngineSpec::block_tokens},
    {"chunk-tokens", &EngineSpec::chunk_tokens},
    {"streams", &EngineSpec::requests_max},
    {"watermark", &EngineSpec::watermark},
    {"lora-slots", &EngineSpec::lora_slots},
    {"lora-load-us", &EngineSpec::lora_load_us},
    {"sleep-after-us", &EngineSpec::sleep_after_us},
    {"wake-us", &EngineSpec::wake_us},
}};

std::unexpected<Error> wrong(std::string_view what) {
  return client_error(Code::config_invalid, "engine model: " + std::string(what));
}

Result<void> set(EngineSpec& spec, std::string_view name, std::string_view text) {
  constexpr double kMost = 1e15;
  const auto setting = std::ranges::find(kSettings, name, &Setting::name);
  if (setting == kSettings.end())
    return wrong("unknown setting \"" + std::string(name) + "\"; want " + engine_spec_names());
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  if (!is_number || !(value >= 0) || value > kMost)
    return wrong(std::string(name) + ": want a number of 0 or more");
  return std::visit(
      [&]<class T>(T EngineSpec::* member) -> Result<void> {
        if (std::is_integral_v<T> && value != std::floor(value))
          return wrong(std::string(name) + ": want a whole number");
        spec.*member = static_cast<T>(value);
        return {};
      },
      setting->member);
}

}  // namespace

Result<EngineSpec> parse_engine_spec(std::string_view text) {
  EngineSpec spec;
  if (text == "default") return spec;
  // An empty text has one part, which is empty, and not none.
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string_view setting = text.substr(at, end - at);
    at = end + 1;
    const std::size_t equals = setting.find('=');
    if (equals == setting.npos) return wrong("want \"default\", or NAME=VALUE with commas between");
    TRY_VOID(set(spec, setting.substr(0, equals), setting.substr(equals + 1)));
  }
  if (!spec.valid())
    return wrong("want times, memory and blocks above 0, and chunk-tokens above streams");
  return spec;
}

std::string to_text(const EngineSpec& spec) {
  std::string text;
  for (const Setting& setting : kSettings)
    text += fmt::format(
        "{}{}={}", text.empty() ? "" : ",", setting.name,
        std::visit([&](auto member) { return fmt::format("{}", spec.*member); }, setting.member));
  return text;
}

std::string engine_spec_names() {
  std::string names;
  for (const Setting& setting : kSettings)
    names += (names.empty() ? "" : ", ") + std::string(setting.name);
  return names;
}

}  // namespace sovmesh::des

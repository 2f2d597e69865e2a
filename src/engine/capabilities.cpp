#include "engine/capabilities.h"

#include <array>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::engine {
namespace {

using Member = bool Capabilities::*;
constexpr std::array<std::pair<std::string_view, Member>, 10> kMembers{{
    {"chat", &Capabilities::chat},
    {"completions", &Capabilities::completions},
    {"embeddings", &Capabilities::embeddings},
    {"images", &Capabilities::images},
    {"tools", &Capabilities::tools},
    {"many_choices", &Capabilities::many_choices},
    {"live_usage", &Capabilities::live_usage},
    {"counts_cancelled_plain", &Capabilities::counts_cancelled_plain},
    {"cache_salt", &Capabilities::cache_salt},
    {"tenant_slots", &Capabilities::tenant_slots},
}};

std::array<std::string_view, kMembers.size()> names() {
  std::array<std::string_view, kMembers.size()> all;
  for (std::size_t i = 0; i < kMembers.size(); ++i)
    all[i] = kMembers[i].first;
  return all;
}

}  // namespace

Capabilities default_capabilities(llmapi::Dialect dialect) {
  Capabilities can;
  switch (dialect) {
    case llmapi::Dialect::llama_cpp:
      can.live_usage = true;
      can.tenant_slots = true;
      break;
    case llmapi::Dialect::vllm:
      can.images = true;
      can.live_usage = true;
      can.cache_salt = true;
      break;
    case llmapi::Dialect::sglang:
      can.images = true;
      can.live_usage = true;
      break;
    case llmapi::Dialect::openai:
      can.images = true;
      can.embeddings = true;
      break;
    case llmapi::Dialect::tgi:
      can.images = true;
      can.many_choices = false;  // it answers once, whatever n says
      break;
    case llmapi::Dialect::tensorrt_llm:
      can.images = true;
      can.live_usage = true;
      can.cache_salt = true;
      break;
  }
  return can;
}

Result<Capabilities> override_capabilities(Capabilities base,
                                           const std::map<std::string, bool>& overrides) {
  for (const auto& [wanted, value] : overrides) {
    Member member = nullptr;
    for (const auto& [known, pointer] : kMembers)
      if (known == wanted) member = pointer;
    if (member == nullptr) {
      const std::string_view meant = closest(wanted, names());
      return our_error(Code::config_invalid,
                       "unknown engine capability \"" + wanted + "\"" +
                           (meant.empty() ? "" : "; did you mean \"" + std::string(meant) + "\"?"));
    }
    base.*member = value;
  }
  return base;
}

}  // namespace sovmesh::engine

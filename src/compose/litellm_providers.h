#pragma once

#include <string_view>

namespace sovmesh::compose {

// What LiteLLM's "provider/model" means to us: servers that have the OpenAI API.
struct LiteLlmProvider {
  std::string_view prefix;
  std::string_view dialect;   // ours; empty: it has another API
  std::string_view url;       // where it is when api_base is absent; empty: api_base must say
  std::string_view key_name;  // the environment variable that LiteLLM takes its key from
  bool adds_v1 = false;       // its api_base is the server, whose API is below /v1
};
// Null: nobody of that name is known.
const LiteLlmProvider* find_litellm_provider(std::string_view prefix);

}  // namespace sovmesh::compose

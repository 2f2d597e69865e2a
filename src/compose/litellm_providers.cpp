#include "compose/litellm_providers.h"

#include <algorithm>
#include <array>

namespace sovmesh::compose {
namespace {

constexpr std::string_view kNone;

constexpr std::array kProviders{
    LiteLlmProvider{"openai", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY"},
    LiteLlmProvider{"text-completion-openai", "openai", "https://api.openai.com/v1",
                    "OPENAI_API_KEY"},
    LiteLlmProvider{"custom_openai", "openai", kNone, kNone},
    LiteLlmProvider{"openai_like", "openai", kNone, kNone},
    LiteLlmProvider{"litellm_proxy", "openai", kNone, "LITELLM_PROXY_API_KEY"},
    LiteLlmProvider{"hosted_vllm", "vllm", kNone, "HOSTED_VLLM_API_KEY"},
    LiteLlmProvider{"vllm", "vllm", kNone, kNone},
    LiteLlmProvider{"huggingface", "tgi", kNone, "HUGGINGFACE_API_KEY", true},
    LiteLlmProvider{"ollama", "openai", "http://127.0.0.1:11434/v1", kNone, true},
    LiteLlmProvider{"ollama_chat", "openai", "http://127.0.0.1:11434/v1", kNone, true},
    LiteLlmProvider{"lm_studio", "openai", kNone, "LM_STUDIO_API_KEY"},
    LiteLlmProvider{"llamafile", "llama_cpp", "http://127.0.0.1:8080/v1", kNone},
    LiteLlmProvider{"xinference", "openai", "http://127.0.0.1:9997/v1", kNone},
    LiteLlmProvider{"groq", "openai", "https://api.groq.com/openai/v1", "GROQ_API_KEY"},
    LiteLlmProvider{"mistral", "openai", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"},
    LiteLlmProvider{"deepseek", "openai", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"},
    LiteLlmProvider{"together_ai", "openai", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY"},
    LiteLlmProvider{"openrouter", "openai", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"},
    LiteLlmProvider{"fireworks_ai", "openai", "https://api.fireworks.ai/inference/v1",
                    "FIREWORKS_API_KEY"},
    LiteLlmProvider{"xai", "openai", "https://api.x.ai/v1", "XAI_API_KEY"},
    LiteLlmProvider{"nvidia_nim", "openai", "https://integrate.api.nvidia.com/v1",
                    "NVIDIA_NIM_API_KEY"},
    LiteLlmProvider{"deepinfra", "openai", "https://api.deepinfra.com/v1/openai",
                    "DEEPINFRA_API_KEY"},
    // Those whose API is another one.
    LiteLlmProvider{"azure", kNone, kNone, kNone},
    LiteLlmProvider{"azure_ai", kNone, kNone, kNone},
    LiteLlmProvider{"azure_text", kNone, kNone, kNone},
    LiteLlmProvider{"anthropic", kNone, kNone, kNone},
    LiteLlmProvider{"bedrock", kNone, kNone, kNone},
    LiteLlmProvider{"sagemaker", kNone, kNone, kNone},
    LiteLlmProvider{"sagemaker_chat", kNone, kNone, kNone},
    LiteLlmProvider{"vertex_ai", kNone, kNone, kNone},
    LiteLlmProvider{"gemini", kNone, kNone, kNone},
    LiteLlmProvider{"palm", kNone, kNone, kNone},
    LiteLlmProvider{"cohere", kNone, kNone, kNone},
    LiteLlmProvider{"cohere_chat", kNone, kNone, kNone},
    LiteLlmProvider{"replicate", kNone, kNone, kNone},
    LiteLlmProvider{"watsonx", kNone, kNone, kNone},
    LiteLlmProvider{"databricks", kNone, kNone, kNone},
    LiteLlmProvider{"perplexity", kNone, kNone, kNone},
    LiteLlmProvider{"cloudflare", kNone, kNone, kNone},
    LiteLlmProvider{"triton", kNone, kNone, kNone},
    LiteLlmProvider{"predibase", kNone, kNone, kNone},
    LiteLlmProvider{"petals", kNone, kNone, kNone},
    LiteLlmProvider{"voyage", kNone, kNone, kNone},
    LiteLlmProvider{"jina_ai", kNone, kNone, kNone},
};

}  // namespace

const LiteLlmProvider* find_litellm_provider(std::string_view prefix) {
  const auto found = std::ranges::find(kProviders, prefix, &LiteLlmProvider::prefix);
  return found == kProviders.end() ? nullptr : &*found;
}

}  // namespace sovmesh::compose

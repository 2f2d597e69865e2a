#include "compose/litellm_import.h"

#include <gmock/gmock.h>

#include "compose/preflight.h"

namespace sovmesh::compose {
namespace {

using testing::HasSubstr;
using testing::Not;

std::optional<std::string> any_variable(std::string_view) { return "http://127.0.0.1:1/v1"; }

class LiteLlmImport : public testing::Test {
 protected:
  // What came out of it, as our own reader has it; it must be valid.
  config::Config take(const std::string& text) {
    imported_ = import_litellm("config.yaml", text);
    EXPECT_TRUE(imported_.errors.empty()) << config::to_text(imported_.errors);
    config::Loaded loaded = config::load_text(imported_.yaml, any_variable);
    EXPECT_TRUE(loaded.config) << config::to_text(loaded.findings) << imported_.yaml;
    if (!loaded.config) return {};
    EXPECT_THAT(preflight(*loaded.config), testing::IsEmpty()) << imported_.yaml;
    return *std::move(loaded.config);
  }
  // "12 changed: ..." of a field; empty: nothing was said of it.
  std::string said_of(std::string_view field) const {
    for (const ImportFinding& one : imported_.findings)
      if (one.field == field)
        return std::to_string(one.position.line) + " " + std::string(name(one.outcome)) + ": " +
               one.text;
    return "";
  }

  Imported imported_;
};

TEST_F(LiteLlmImport, MakesAnEngineForEachServerAndKey) {
  const auto config = take(R"(model_list:
  - model_name: llama
    litellm_params:
      model: hosted_vllm/meta/llama-3
      api_base: http://gpu-1:8000/v1
      api_key: os.environ/GPU_KEY
  - model_name: small
    litellm_params:
      model: hosted_vllm/meta/llama-small
      api_base: http://gpu-1:8000/v1
      api_key: os.environ/GPU_KEY
  - model_name: gpt
    litellm_params:
      model: gpt-4o
)");
  ASSERT_EQ(config.engines.size(), 2U);
  EXPECT_EQ(config.engines[0].url, "http://gpu-1:8000/v1");
  EXPECT_EQ(config.engines[0].dialect, "vllm");
  EXPECT_EQ(config.engines[1].url, "https://api.openai.com/v1");
  ASSERT_EQ(config.models.size(), 3U);
  EXPECT_EQ(config.models[0].engine_model, "meta/llama-3");
  EXPECT_EQ(config.models[1].engine, config.models[0].engine);
  EXPECT_EQ(config.models[2].engine_model, "gpt-4o");
  EXPECT_THAT(imported_.secrets, testing::ElementsAre("GPU_KEY", "OPENAI_API_KEY"));
  EXPECT_THAT(said_of("model_list[0].litellm_params.model"), HasSubstr("4 taken over: engine"));
}

TEST_F(LiteLlmImport, NeverCopiesASecret) {
  take(R"(model_list:
  - model_name: m
    litellm_params:
      model: openai/m
      api_base: https://m.example/v1
      api_key: sk-very-secret
general_settings:
  master_key: sk-master-secret
  database_url: postgresql://u:db-secret@db/x
environment_variables:
  SOME_TOKEN: env-secret
router_settings:
  redis_password: redis-secret
)");
  std::string all = imported_.yaml;
  for (const ImportFinding& one : imported_.findings)
    all += one.field + one.text;
  for (const char* secret :
       {"very-secret", "master-secret", "db-secret", "env-secret", "redis-secret"})
    EXPECT_THAT(all, Not(HasSubstr(secret)));
  EXPECT_THAT(imported_.yaml, HasSubstr("api_key: \"env:M_EXAMPLE_API_KEY\""));
  EXPECT_THAT(said_of("model_list[0].litellm_params.api_key"), HasSubstr("6 changed"));
  EXPECT_THAT(said_of("general_settings.master_key"), HasSubstr("8 changed: not copied"));
}

TEST_F(LiteLlmImport, DeploymentsThatAreAlikeAreReplicas) {
  const auto config = take(R"(model_list:
  - model_name: llama
    litellm_params: {model: openai/llama, api_base: "http://a:8000/v1", api_key: none, rpm: 60}
  - model_name: llama
    litellm_params: {model: openai/llama, api_base: "http://b:8000/v1", api_key: none, rpm: 40}
)");
  ASSERT_EQ(config.models.size(), 1U);
  EXPECT_EQ(config.models[0].engines.size(), 2U);
  ASSERT_EQ(config.tenants.size(), 1U);
  ASSERT_EQ(config.tenants[0].limits.size(), 1U);
  EXPECT_EQ(config.tenants[0].limits[0].model, "llama");
  EXPECT_EQ(config.tenants[0].limits[0].amount.whole, 100);
  EXPECT_THAT(said_of("model_list[0].litellm_params.api_key"), HasSubstr("left out"));
}

TEST_F(LiteLlmImport, OthersAreVersionsOfARoute) {
  const auto config = take(R"(model_list:
  - model_name: chat
    litellm_params: {model: openai/a, api_base: "http://a:8000/v1", weight: 9}
  - model_name: chat
    litellm_params: {model: openai/b, api_base: "http://b:8000/v1", weight: 1, timeout: 2.5}
)");
  ASSERT_EQ(config.routes.size(), 1U);
  EXPECT_EQ(config.routes[0].name, "chat");
  ASSERT_EQ(config.routes[0].versions.size(), 2U);
  EXPECT_EQ(config.routes[0].versions[0].weight, 9);
  EXPECT_EQ(config.models[1].total_timeout, std::chrono::milliseconds(2'500));
}

TEST_F(LiteLlmImport, FallbacksAndAliasesAreRoutes) {
  const auto config = take(R"(model_list:
  - model_name: big
    litellm_params: {model: openai/big, api_base: "http://a:8000/v1"}
  - model_name: small
    litellm_params: {model: openai/small, api_base: "http://a:8000/v1"}
router_settings:
  fallbacks: [{big: [small, gone]}]
  model_group_alias: {gpt-4: big, ghost: nothing}
  routing_strategy: least-busy
  num_retries: 2
)");
  ASSERT_EQ(config.routes.size(), 2U);
  EXPECT_EQ(config.routes[0].name, "big");
  ASSERT_EQ(config.routes[0].fallbacks.size(), 1U);
  EXPECT_EQ(config.routes[0].fallbacks[0].model, "small");
  EXPECT_EQ(config.routes[1].name, "gpt-4");
  EXPECT_EQ(config.routes[1].versions[0].model, "big");
  EXPECT_THAT(said_of("router_settings.fallbacks.big"),
              HasSubstr("7 changed: fallbacks of a route of this name, without 'gone'"));
  EXPECT_THAT(said_of("router_settings.model_group_alias.ghost"),
              HasSubstr("8 not possible: lost: 'nothing'"));
  EXPECT_THAT(said_of("router_settings.num_retries"), HasSubstr("10 changed"));
}

TEST_F(LiteLlmImport, PricesAndBudgetsAreInDollars) {
  const auto config = take(R"(model_list:
  - model_name: m
    litellm_params: {model: openai/m, api_base: "http://a:8000/v1"}
    model_info: {input_cost_per_token: 0.0000025, output_cost_per_token: 1e-05, max_tokens: 4096}
litellm_settings:
  max_budget: 100.50
  budget_duration: 30d
)");
  ASSERT_EQ(config.prices.size(), 1U);
  EXPECT_EQ(to_text(config.prices[0].input), "2.5");
  EXPECT_EQ(to_text(config.prices[0].output), "10");
  EXPECT_EQ(config.tenants[0].currency, "USD");
  EXPECT_EQ(config.models[0].output_tokens_max, 4'096);
  ASSERT_EQ(config.tenants[0].limits.size(), 1U);
  EXPECT_EQ(config.tenants[0].limits[0].measure, "money");
  EXPECT_EQ(to_text(config.tenants[0].limits[0].amount), "100.5");
}

TEST_F(LiteLlmImport, SaysWhatIsLost) {
  take(R"(model_list:
  - model_name: az
    litellm_params: {model: azure/gpt, api_base: "https://x.openai.azure.com", api_version: "1"}
  - model_name: img
    litellm_params: {model: openai/dall-e, api_base: "http://a:8000/v1"}
    model_info: {mode: image_generation}
  - model_name: m
    litellm_params: {model: openai/m, api_base: "http://a:8000/v1", temperature: 0.1, shiny: 1}
guardrails: []
litellm_settings:
  success_callback: [langfuse]
  max_budget: 5
  budget_duration: 7d
)");
  EXPECT_THAT(said_of("model_list[0].litellm_params.model"),
              HasSubstr("3 not possible: lost: 'azure'"));
  EXPECT_THAT(said_of("model_list[1].model_info.mode"), HasSubstr("not possible"));
  EXPECT_THAT(said_of("model_list[2].litellm_params.temperature"), HasSubstr("not possible"));
  EXPECT_THAT(said_of("model_list[2].litellm_params.shiny"), HasSubstr("not possible"));
  EXPECT_THAT(said_of("guardrails"), HasSubstr("9 not possible"));
  EXPECT_THAT(said_of("litellm_settings.success_callback"), HasSubstr("no callbacks"));
  EXPECT_THAT(said_of("litellm_settings.max_budget"), HasSubstr("no window of 7d"));
}

TEST_F(LiteLlmImport, WildcardsAreTheEnginesOwnList) {
  const auto config = take(R"(model_list:
  - model_name: "*"
    litellm_params: {model: "openai/*", api_key: os.environ/OPENAI_API_KEY}
)");
  ASSERT_EQ(config.engines.size(), 1U);
  EXPECT_TRUE(config.engines[0].discover_models);
  EXPECT_TRUE(config.models.empty());
}

TEST_F(LiteLlmImport, EmbeddingsAndDroppedParameters) {
  const auto config = take(R"(model_list:
  - model_name: emb
    litellm_params: {model: openai/emb, api_base: os.environ/EMB_BASE}
    model_info: {mode: embedding}
litellm_settings: {drop_params: true, request_timeout: 30}
)");
  EXPECT_TRUE(config.models[0].embeddings);
  EXPECT_FALSE(config.models[0].chat);
  EXPECT_FALSE(config.models[0].reject_unknown_fields);
  EXPECT_EQ(config.models[0].total_timeout, std::chrono::seconds(30));
  EXPECT_THAT(imported_.secrets, testing::ElementsAre("EMB_BASE"));
}

TEST_F(LiteLlmImport, RefusesWhatIsNoConfiguration) {
  const auto error_of = [](const std::string& text) {
    const Imported imported = import_litellm("config.yaml", text);
    EXPECT_TRUE(imported.yaml.empty());
    return config::to_text(imported.errors);
  };
  EXPECT_THAT(error_of("- a\n"), HasSubstr("config.yaml:1:1: error: this is no configuration"));
  EXPECT_THAT(error_of("router_settings: {}\n"), HasSubstr("there is no model_list"));
  EXPECT_THAT(error_of("model_list:\n  - model_name: a\n"), HasSubstr("want model_name and"));
  EXPECT_THAT(error_of("a: [\n"), HasSubstr("not valid YAML"));
  EXPECT_THAT(error_of(""), HasSubstr("want one YAML document"));
}

}  // namespace
}  // namespace sovmesh::compose

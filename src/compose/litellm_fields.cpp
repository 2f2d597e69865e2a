#include <algorithm>
#include <iterator>

#include "compose/litellm_parts.h"

namespace sovmesh::compose::litellm {

const std::string_view kBuiltIn =
    "not needed: retries, ejection of failing engines and their return are built in "
    "(docs/reliability.md)";

namespace {

using Outcome = ImportFinding::Outcome;

constexpr std::string_view kPlacing =
    "not needed: each request goes to the engine where it ends soonest (docs/routing.md)";
constexpr std::string_view kNoRedis =
    "not needed: limits and usage are kept exactly by the one process, without a Redis";
constexpr std::string_view kCallbacks =
    "lost: there are no callbacks; metrics (/metrics), JSON log lines, traces and the usage API "
    "tell the same (docs/metrics.md, docs/usage.md)";
constexpr std::string_view kInDatabase =
    "lost: keys, users and teams are in LiteLLM's database; make tenants, users and keys anew "
    "(sovmesh tenant, user, key)";
const Known kKnown[] = {
    {"router_settings.routing_strategy", Outcome::changed, kPlacing},
    {"router_settings.routing_strategy_args", Outcome::changed, kPlacing},
    {"router_settings.num_retries", Outcome::changed, kBuiltIn},
    {"router_settings.allowed_fails", Outcome::changed, kBuiltIn},
    {"router_settings.allowed_fails_policy", Outcome::changed, kBuiltIn},
    {"router_settings.cooldown_time", Outcome::changed, kBuiltIn},
    {"router_settings.disable_cooldowns", Outcome::changed, kBuiltIn},
    {"router_settings.retry_policy", Outcome::changed, kBuiltIn},
    {"router_settings.retry_after", Outcome::changed, kBuiltIn},
    {"router_settings.enable_pre_call_checks", Outcome::changed,
     "not needed: with context_tokens of a model what cannot fit is refused before its engine is "
     "asked"},
    {"router_settings.redis_host", Outcome::changed, kNoRedis},
    {"router_settings.redis_port", Outcome::changed, kNoRedis},
    {"router_settings.redis_password", Outcome::changed, kNoRedis},
    {"router_settings.redis_url", Outcome::changed, kNoRedis},
    {"litellm_settings.num_retries", Outcome::changed, kBuiltIn},
    {"litellm_settings.set_verbose", Outcome::changed, "say log.level: debug instead"},
    {"litellm_settings.json_logs", Outcome::taken, "log lines are JSON"},
    {"litellm_settings.success_callback", Outcome::impossible, kCallbacks},
    {"litellm_settings.failure_callback", Outcome::impossible, kCallbacks},
    {"litellm_settings.callbacks", Outcome::impossible, kCallbacks},
    {"litellm_settings.service_callbacks", Outcome::impossible, kCallbacks},
    {"litellm_settings.cache", Outcome::impossible,
     "lost: answers are not cached, but for repeats of an Idempotency-Key (replay of a tenant)"},
    {"litellm_settings.cache_params", Outcome::impossible, "lost with the cache"},
    {"litellm_settings.turn_off_message_logging", Outcome::taken,
     "texts of prompts and answers are in no log, only keyed digests of them"},
    {"litellm_settings.redact_user_api_key_info", Outcome::taken, "keys are in no log"},
    {"litellm_settings.context_window_fallbacks", Outcome::impossible,
     "lost: a request that is too long is refused with 400; let clients choose the other model"},
    {"litellm_settings.content_policy_fallbacks", Outcome::impossible,
     "lost: fallbacks are for engines that fail, not for answers"},
    {"router_settings.context_window_fallbacks", Outcome::impossible,
     "lost: a request that is too long is refused with 400; let clients choose the other model"},
    {"router_settings.content_policy_fallbacks", Outcome::impossible,
     "lost: fallbacks are for engines that fail, not for answers"},
    {"litellm_settings.default_internal_user_params", Outcome::impossible, kInDatabase},
    {"litellm_settings.default_team_settings", Outcome::impossible, kInDatabase},
    {"litellm_settings.key_generation_settings", Outcome::impossible,
     "lost: who may make keys follows from roles (docs/access.md)"},
    {"general_settings.master_key", Outcome::changed,
     "not copied: the first start makes DATA_DIR/admin.token, which may do everything at the admin "
     "API and nothing at the data path"},
    {"general_settings.database_url", Outcome::changed,
     "not needed: the store is in the data folder. What was in the old database is not read: make "
     "tenants, users and keys anew"},
    {"general_settings.database_connection_pool_limit", Outcome::changed,
     "not needed: no database"},
    {"general_settings.database_connection_timeout", Outcome::changed, "not needed: no database"},
    {"general_settings.allow_requests_on_db_unavailable", Outcome::taken,
     "keys are checked in memory: an outage of the store changes no verdict"},
    {"general_settings.store_model_in_db", Outcome::taken,
     "models are in this file or made by the admin API"},
    {"general_settings.background_health_checks", Outcome::taken,
     "engines are probed all the time"},
    {"general_settings.health_check_interval", Outcome::changed,
     "not needed: probes have their own times"},
    {"general_settings.alerting", Outcome::impossible,
     "lost: say webhooks.budget_events, or alert on metrics (docs/metrics.md)"},
    {"general_settings.alerting_threshold", Outcome::impossible, "lost with alerting"},
    {"general_settings.custom_auth", Outcome::impossible,
     "lost: callers are known by their keys alone"},
    {"general_settings.enable_jwt_auth", Outcome::impossible,
     "lost: callers are known by their keys alone"},
    {"general_settings.ui_access_mode", Outcome::changed,
     "who sees what in the console follows from roles (docs/access.md)"},
};
const Known kDeployment[] = {
    {"api_version", Outcome::impossible, "lost: servers with the OpenAI API have none"},
    {"organization", Outcome::impossible, "lost: no such header is sent; use a key of it"},
    {"order", Outcome::impossible, "lost: say fallbacks of a route instead"},
    {"max_retries", Outcome::changed, kBuiltIn},
    {"num_retries", Outcome::changed, kBuiltIn},
    {"cooldown_time", Outcome::changed, kBuiltIn},
    {"tags", Outcome::impossible, "lost: say conditions of a route (headers, labels of keys)"},
    {"cache_control_injection_points", Outcome::impossible, "lost"},
    {"use_in_pass_through", Outcome::impossible, "lost: nothing is passed through unseen"},
};
const Known kInfo[] = {
    {"id", Outcome::changed, "not needed: the admin API makes ids"},
    {"base_model", Outcome::changed, "not needed: prices are of the model itself"},
    {"supports_function_calling", Outcome::changed, "say capabilities of the engine if it differs"},
    {"supports_vision", Outcome::changed, "say capabilities of the engine if it differs"},
    {"access_groups", Outcome::impossible, "lost: say tenants of the model, or models of a key"},
    {"litellm_provider", Outcome::changed, "not needed"},
    {"db_model", Outcome::changed, "not needed"},
    {"description", Outcome::impossible, "lost"},
    {"metadata", Outcome::impossible, "lost"},
};

template <std::size_t N>
const Known* find_in(const Known (&table)[N], std::string_view field) {
  const auto* const found = std::ranges::find(table, field, &Known::field);
  return found == std::end(table) ? nullptr : found;
}

}  // namespace

const Known* find_setting(std::string_view field) { return find_in(kKnown, field); }
const Known* find_parameter(std::string_view name) { return find_in(kDeployment, name); }
const Known* find_info(std::string_view name) { return find_in(kInfo, name); }

}  // namespace sovmesh::compose::litellm

#include "compose/litellm_import.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "base/decimal.h"
#include "base/ids.h"
#include "base/time_text.h"
#include "compose/litellm_parts.h"
#include "compose/litellm_providers.h"
#include "compose/yaml_text.h"
#include "config/yaml_tree.h"

namespace sovmesh::compose {
namespace {

using config::YamlNode;
using litellm::Contents;
using litellm::Deployment;
using litellm::Engine;
using litellm::find_info;
using litellm::find_parameter;
using litellm::find_setting;
using litellm::Json;
using litellm::kBuiltIn;
using litellm::Known;
using litellm::kTenant;
using litellm::Wish;
using litellm::write_configuration;
using Outcome = ImportFinding::Outcome;

constexpr std::string_view kEnvironment = "os.environ/";

class Importer {
 public:
  explicit Importer(Imported& out) : out_(out) {}

  void run(const YamlNode& root) {
    if (!root.is_map()) return wrong(root, "this is no configuration: want model_list and so on");
    if (const YamlNode* const settings = root.find("litellm_settings")) read_library(*settings);
    if (const YamlNode* const models = root.find("model_list"))
      read_models(*models);
    else
      wrong(root, "there is no model_list");
    if (const YamlNode* const settings = root.find("router_settings"))
      read_section(*settings, "router_settings");
    if (const YamlNode* const settings = root.find("general_settings"))
      read_section(*settings, "general_settings");
    if (const YamlNode* const settings = root.find("litellm_settings"))
      read_section(*settings, "litellm_settings");
    read_others(root);
    if (out_.errors.empty()) out_.yaml = write_configuration(contents_, out_.findings);
  }

 private:
  void wrong(const YamlNode& at, std::string text) {
    out_.errors.push_back({.position = at.position, .message = std::move(text)});
  }
  void tell(const YamlNode& at, std::string field, Outcome outcome, std::string text) {
    out_.findings.push_back({.position = at.position,
                             .field = std::move(field),
                             .outcome = outcome,
                             .text = std::move(text)});
  }

  // --- values ---
  static std::optional<std::string> text_of(const YamlNode* node) {
    return node != nullptr && node->is_scalar() ? std::optional(node->text) : std::nullopt;
  }
  std::optional<std::int64_t> count_of(const YamlNode& node, const std::string& field) {
    const auto value = node.is_scalar() ? parse_u64(node.text) : std::nullopt;
    if (value && *value > 0) return static_cast<std::int64_t>(*value);
    tell(node, field, Outcome::impossible, "lost: want a whole number above 0");
    return std::nullopt;
  }
  // Seconds, perhaps with decimals, as ours.
  std::optional<std::string> duration_of(const YamlNode& node, const std::string& field) {
    const Json value = node.is_scalar() ? plain_json(node.text) : Json();
    if (value.is_number()) {
      const double ms = std::round(value.get<double>() * 1'000);
      if (ms >= 1 && ms < 3.0e12)
        return duration_text(std::chrono::milliseconds(static_cast<std::int64_t>(ms)));
    }
    tell(node, field, Outcome::impossible, "lost: want seconds, above 0");
    return std::nullopt;
  }
  // "0.00003" or "3e-05" for a token as money for 1,000,000 of them.
  std::optional<std::string> per_million(const YamlNode& node, const std::string& field) {
    const Json value = node.is_scalar() ? plain_json(node.text) : Json();
    if (value.is_number() && value.get<double>() >= 0 && value.get<double>() < 1'000) {
      const double micro = std::round(value.get<double>() * 1e12);
      return micro_text(static_cast<std::int64_t>(micro));
    }
    tell(node, field, Outcome::impossible, "lost: want what a token costs");
    return std::nullopt;
  }
  // Plain values of ours may hold ${NAME}; this is how a text says "${".
  static std::string plain(std::string text) {
    for (std::size_t at = text.find("${"); at != text.npos; at = text.find("${", at + 8))
      text.replace(at, 2, "${-:-$}{");
    return text;
  }
  static std::string name_of(std::string_view text, std::size_t max) {
    std::string out;
    for (const char c : to_lower(text)) {
      const bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
      if (fine)
        out += c;
      else if (!out.empty() && out.back() != '-')
        out += '-';
    }
    while (out.ends_with('-'))
      out.pop_back();
    if (out.empty() || out.front() < 'a') out = "engine-" + out;
    out.resize(std::min(out.size(), max));
    while (out.ends_with('-'))
      out.pop_back();
    return out;
  }
  static std::string variable_of(std::string_view engine) {
    std::string out;
    for (const char c : engine)
      out += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    return out + "_API_KEY";
  }

  // --- model_list ---
  void read_models(const YamlNode& models) {
    if (!models.is_list()) return wrong(models, "model_list: want a list");
    for (std::size_t i = 0; i < models.values.size(); ++i)
      read_deployment(models.values[i], fmt::format("model_list[{}]", i));
  }

  void read_deployment(const YamlNode& node, const std::string& at) {
    const YamlNode* const params = node.find("litellm_params");
    const auto group = text_of(node.find("model_name"));
    const auto model = text_of(params == nullptr ? nullptr : params->find("model"));
    if (!group || !model)
      return wrong(node, fmt::format("{}: want model_name and litellm_params.model", at));
    const YamlNode& model_node = *params->find("model");
    const std::string field = at + ".litellm_params";
    const auto slash = model->find('/');
    std::string_view prefix =
        slash == model->npos ? "openai" : std::string_view(*model).substr(0, slash);
    const auto named = text_of(params->find("custom_llm_provider"));
    const LiteLlmProvider* provider = find_litellm_provider(named ? *named : prefix);
    std::string engine_model =
        slash == model->npos || provider == nullptr || named ? *model : model->substr(slash + 1);
    const bool has_base =
        params->find("api_base") != nullptr || params->find("base_url") != nullptr;
    if (provider == nullptr && has_base) {
      provider = find_litellm_provider("custom_openai");
      tell(model_node, field + ".model", Outcome::changed,
           fmt::format("'{}' is taken for a model of a server with the OpenAI API", *model));
    }
    if (provider == nullptr || provider->dialect.empty())
      return tell(model_node, field + ".model", Outcome::impossible,
                  fmt::format("lost: '{}' has another API than OpenAI's; put a server with that "
                              "API in front of it and name that one",
                              provider == nullptr ? prefix : provider->prefix));
    if (!check_name(*group, node, at)) return;
    Deployment deployment{.group = *group, .engine = {}, .engine_model = plain(engine_model)};
    const auto engine = engine_of(*params, *provider, field);
    if (!engine) return;
    deployment.engine = *engine;
    tell(model_node, field + ".model", Outcome::taken,
         fmt::format("engine '{}', model '{}'", *engine, printable_model(engine_model)));
    read_params(*params, field, deployment);
    if (const YamlNode* const info = node.find("model_info"))
      if (!read_info(*info, at + ".model_info", deployment)) return;
    for (const YamlNode& name : node.names)
      if (name.text != "model_name" && name.text != "litellm_params" && name.text != "model_info")
        unknown(name, at + "." + name.text);
    keep(std::move(deployment), model_node, field);
  }

  static std::string printable_model(const std::string& text) {
    return text.find('*') == text.npos ? text : "whatever it lists";
  }

  bool check_name(const std::string& group, const YamlNode& node, const std::string& at) {
    if (group.find('*') != group.npos || ModelName::parse(group)) return true;
    tell(node, at + ".model_name", Outcome::impossible,
         "lost: a name has letters, digits and ._:/@-, at most 128; rename it there first");
    return false;
  }

  void keep(Deployment deployment, const YamlNode& node, const std::string& field) {
    Engine& engine = engine_named(deployment.engine);
    if (deployment.model.value("embeddings", false)) engine.embeddings = true;
    const bool is_wild = deployment.group.find('*') != std::string::npos ||
                         deployment.engine_model.find('*') != std::string::npos;
    if (!is_wild) return contents_.deployments.push_back(std::move(deployment));
    engine.discovers = true;
    tell(node, field + ".model", Outcome::changed,
         "the engine's own list is offered (discover_models), to every tenant, under the names "
         "that it has there, without a prefix");
  }

  Engine& engine_named(const std::string& name) {
    return *std::ranges::find(contents_.engines, name, &Engine::name);
  }

  // One for each server and key; made when it is new.
  std::optional<std::string> engine_of(const YamlNode& params, const LiteLlmProvider& provider,
                                       const std::string& field) {
    Engine engine{.name = {},
                  .dialect = std::string(provider.dialect),
                  .url = std::string(provider.url),
                  .key = {},
                  .slots = {}};
    const YamlNode* base = params.find("api_base");
    const char* const base_name = base != nullptr ? ".api_base" : ".base_url";
    if (base == nullptr) base = params.find("base_url");
    if (base != nullptr && base->is_scalar()) {
      if (!read_base(*base, field + base_name, provider, engine.url)) return std::nullopt;
    } else if (engine.url.empty()) {
      tell(params, field, Outcome::impossible,
           "lost: nothing says where the server is; name it by api_base");
      return std::nullopt;
    }
    read_key(params, provider, field, engine);
    for (Engine& known : contents_.engines) {
      if (known.dialect != engine.dialect || known.url != engine.url || known.key != engine.key)
        continue;
      return known.name;
    }
    std::string_view host = engine.url;
    if (host.find("://") != host.npos) host.remove_prefix(host.find("://") + 3);
    host = host.substr(0, host.find('/'));
    const std::string first = name_of(host, 36);
    engine.name = first;
    for (int n = 2; std::ranges::find(contents_.engines, engine.name, &Engine::name) !=
                    contents_.engines.end();
         ++n)
      engine.name = fmt::format("{}-{}", first, n);
    if (engine.key == kClear) engine.key = "env:" + variable_of(engine.name);
    if (!engine.key.empty()) out_.secrets.push_back(engine.key.substr(4));
    contents_.engines.push_back(engine);
    return engine.name;
  }

  bool read_base(const YamlNode& base, const std::string& field, const LiteLlmProvider& provider,
                 std::string& url) {
    url = base.text;
    if (url.starts_with(kEnvironment)) {
      const std::string variable = url.substr(kEnvironment.size());
      url = "${" + variable + "}";
      out_.secrets.push_back(variable);
      tell(base, field, Outcome::taken, fmt::format("from the environment variable {}", variable));
      return true;
    }
    for (const std::string_view tail : {"/", "/chat/completions", "/completions", "/embeddings"})
      if (url.ends_with(tail)) url.resize(url.size() - tail.size());
    const auto host = url.find("://");
    if (host == url.npos || url.find_first_of("?#@") != url.npos ||
        (!url.starts_with("http://") && !url.starts_with("https://"))) {
      tell(base, field, Outcome::impossible,
           "lost: want http:// or https://, without user, query or fragment");
      return false;
    }
    url = plain(url);
    const bool has_path = url.find('/', host + 3) != url.npos;
    if (!has_path) {
      url += "/v1";
      tell(base, field, provider.adds_v1 ? Outcome::taken : Outcome::changed,
           "its API is asked below /v1");
    } else {
      tell(base, field, Outcome::taken, "url of the engine");
    }
    return true;
  }

  void read_key(const YamlNode& params, const LiteLlmProvider& provider, const std::string& field,
                Engine& engine) {
    const YamlNode* const key = params.find("api_key");
    if (key == nullptr || !key->is_scalar()) {
      const bool is_usual_place = engine.url == provider.url;
      if (!provider.key_name.empty() && is_usual_place)
        engine.key = fmt::format("env:{}", provider.key_name);
      return;
    }
    if (key->text.starts_with(kEnvironment)) {
      engine.key = "env:" + key->text.substr(kEnvironment.size());
      return tell(*key, field + ".api_key", Outcome::taken,
                  fmt::format("from the environment variable {}", engine.key.substr(4)));
    }
    const std::string lower = to_lower(key->text);
    for (const std::string_view nothing : {"", "none", "null", "empty", "na", "not-needed", "fake",
                                           "fake-key", "dummy", "anything", "sk-no-key-required"})
      if (lower == nothing)
        return tell(*key, field + ".api_key", Outcome::changed, "left out: it is no key");
    engine.key = kClear;
    tell(*key, field + ".api_key", Outcome::changed,
         "a key in clear is not copied: put it into the environment variable that the engine's "
         "api_key names (better a new one: this one was in a file)");
  }

  void read_params(const YamlNode& params, const std::string& at, Deployment& deployment) {
    for (std::size_t i = 0; i < params.names.size(); ++i) {
      const std::string& name = params.names[i].text;
      const YamlNode& value = params.values[i];
      const std::string field = at + "." + name;
      if (name == "model" || name == "api_base" || name == "base_url" || name == "api_key" ||
          name == "custom_llm_provider")
        continue;
      if (name == "rpm" || name == "tpm") {
        auto& count = name == "rpm" ? deployment.rpm : deployment.tpm;
        if ((count = count_of(value, field)))
          tell(value, field, Outcome::changed,
               fmt::format("a limit of the tenant '{}' for this model: the sum over its servers",
                           kTenant));
      } else if (name == "weight") {
        if ((deployment.weight = count_of(value, field)))
          tell(value, field, Outcome::taken, "weight of a version of the route");
      } else if (name == "timeout" || name == "request_timeout") {
        if (const auto time = duration_of(value, field)) {
          deployment.model["total_timeout"] = *time;
          tell(value, field, Outcome::taken, "total_timeout");
        }
      } else if (name == "stream_timeout") {
        if (const auto time = duration_of(value, field)) {
          deployment.model["first_token_timeout"] = *time;
          tell(value, field, Outcome::changed,
               "first_token_timeout: so long may the first token take, also of plain requests");
        }
      } else if (name == "max_parallel_requests") {
        if (const auto slots = count_of(value, field)) {
          engine_named(deployment.engine).slots = slots;
          tell(value, field, Outcome::taken, "slots of the engine; more wait");
        }
      } else if (name == "drop_params") {
        if (value.text == "true" || value.text == "True") {
          deployment.model["reject_unknown_fields"] = false;
          tell(value, field, Outcome::changed,
               "reject_unknown_fields: false: fields outside the API are dropped; what the engine "
               "cannot do is still refused");
        }
      } else if (read_price(name, value, field, deployment)) {
        continue;
      } else if (const Known* const known = find_parameter(name)) {
        tell(value, field, known->outcome, std::string(known->text));
      } else if (name == "temperature" || name == "max_tokens" || name == "top_p" ||
                 name == "seed" || name == "stop" || name == "presence_penalty" ||
                 name == "frequency_penalty" || name == "extra_body" || name == "n") {
        tell(value, field, Outcome::impossible,
             "lost: this file has no values for requests that say none; let clients say it");
      } else {
        unknown(params.names[i], field);
      }
    }
    if (!deployment.model.contains("total_timeout") && total_timeout_)
      deployment.model["total_timeout"] = *total_timeout_;
    if (drops_) deployment.model["reject_unknown_fields"] = false;
  }

  bool read_price(const std::string& name, const YamlNode& value, const std::string& field,
                  Deployment& deployment) {
    const char* member = nullptr;
    if (name == "input_cost_per_token") member = "input";
    if (name == "output_cost_per_token") member = "output";
    if (name == "cache_read_input_token_cost") member = "cached_input";
    if (member == nullptr) return false;
    if (const auto price = per_million(value, field)) {
      if (!deployment.price) deployment.price = Json::object();
      (*deployment.price)[member] = *price;
      contents_.has_money = true;
      tell(value, field, Outcome::taken,
           fmt::format("{} of a price: {} USD for 1,000,000 tokens", member, *price));
    }
    return true;
  }

  // False: the model cannot be offered at all.
  bool read_info(const YamlNode& info, const std::string& at, Deployment& deployment) {
    for (std::size_t i = 0; i < info.names.size(); ++i) {
      const std::string& name = info.names[i].text;
      const YamlNode& value = info.values[i];
      const std::string field = at + "." + name;
      if (name == "mode") {
        if (!read_mode(value, field, deployment)) return false;
      } else if (name == "max_output_tokens" || name == "max_tokens") {
        if (name == "max_tokens" && info.find("max_output_tokens") != nullptr) continue;
        if (const auto count = count_of(value, field)) {
          deployment.model["output_tokens_max"] = *count;
          tell(value, field, Outcome::taken, "output_tokens_max");
        }
      } else if (name == "max_input_tokens") {
        if (const auto count = count_of(value, field)) {
          deployment.model["context_tokens"] = *count;
          tell(value, field, Outcome::changed, "context_tokens: of prompt and answer together");
        }
      } else if (read_price(name, value, field, deployment)) {
        continue;
      } else if (const Known* const known = find_info(name)) {
        tell(value, field, known->outcome, std::string(known->text));
      } else {
        unknown(info.names[i], field);
      }
    }
    return true;
  }

  bool read_mode(const YamlNode& value, const std::string& field, Deployment& deployment) {
    const std::string& mode = value.text;
    if (mode != "chat" && mode != "completion" && mode != "embedding") {
      tell(value, field, Outcome::impossible,
           fmt::format("lost: a model of the kind '{}' cannot be offered", mode));
      return false;
    }
    deployment.model["chat"] = mode == "chat";
    deployment.model["completions"] = mode == "completion";
    deployment.model["embeddings"] = mode == "embedding";
    tell(value, field, Outcome::taken, "what is offered of it");
    return true;
  }

  // --- the other sections ---
  void read_library(const YamlNode& settings) {
    if (const YamlNode* const time = settings.find("request_timeout"))
      if ((total_timeout_ = duration_of(*time, "litellm_settings.request_timeout")))
        tell(*time, "litellm_settings.request_timeout", Outcome::taken,
             "total_timeout of models that have none of their own");
    if (const YamlNode* const drop = settings.find("drop_params");
        drop != nullptr && to_lower(drop->text) == "true") {
      drops_ = true;
      tell(*drop, "litellm_settings.drop_params", Outcome::changed,
           "reject_unknown_fields: false on every model: fields outside the API are dropped; what "
           "an engine cannot do is still refused");
    }
  }

  void read_section(const YamlNode& settings, const std::string& section) {
    if (!settings.is_map()) {
      if (!settings.is_null()) wrong(settings, section + ": want a mapping");
      return;
    }
    for (std::size_t i = 0; i < settings.names.size(); ++i) {
      const std::string& name = settings.names[i].text;
      const YamlNode& value = settings.values[i];
      const std::string field = section + "." + name;
      if (field == "litellm_settings.request_timeout" || field == "litellm_settings.drop_params") {
        continue;  // read before the models
      } else if (name == "timeout" && section == "router_settings") {
        if (const auto time = duration_of(value, field)) {
          for (Deployment& one : contents_.deployments)
            if (!one.model.contains("total_timeout")) one.model["total_timeout"] = *time;
          tell(value, field, Outcome::taken, "total_timeout of models that have none of their own");
        }
      } else if (name == "fallbacks" && section != "general_settings") {
        read_fallbacks(value, field);
      } else if (name == "default_fallbacks") {
        read_default_fallbacks(value, field);
      } else if (name == "model_group_alias") {
        read_aliases(value, field);
      } else if (name == "max_budget") {
        read_budget(settings, value, field);
      } else if (name == "budget_duration") {
        continue;  // with max_budget
      } else if (name == "global_max_parallel_requests" || name == "max_parallel_requests") {
        read_concurrency(value, field, name == "max_parallel_requests");
      } else if (const Known* const known = find_setting(field)) {
        tell(value, field, known->outcome, std::string(known->text));
      } else {
        unknown(settings.names[i], field);
      }
    }
  }

  void read_others(const YamlNode& root) {
    for (std::size_t i = 0; i < root.names.size(); ++i) {
      const std::string& name = root.names[i].text;
      const YamlNode& value = root.values[i];
      if (name == "model_list" || name == "router_settings" || name == "general_settings" ||
          name == "litellm_settings")
        continue;
      if (name == "environment_variables") {
        for (const YamlNode& variable : value.names)
          tell(
              variable, "environment_variables." + variable.text, Outcome::changed,
              "not copied: set it in the environment of the service (EnvironmentFile= of systemd)");
      } else if (name == "include") {
        tell(value, name, Outcome::impossible,
             "lost: import the included files one by one, and include the outcomes");
      } else {
        unknown(root.names[i], name);
      }
    }
  }

  // In general_settings it is for each server.
  void read_concurrency(const YamlNode& value, const std::string& field, bool each) {
    const auto count = count_of(value, field);
    if (!count) return;
    if (each) {
      for (Engine& engine : contents_.engines)
        if (!engine.slots) engine.slots = count;
      return tell(value, field, Outcome::taken, "slots of engines; more wait");
    }
    contents_.limits.push_back({{"measure", "concurrency"}, {"amount", *count}});
    tell(value, field, Outcome::changed, fmt::format("a limit of the tenant '{}'", kTenant));
  }

  void read_budget(const YamlNode& settings, const YamlNode& value, const std::string& field) {
    const auto amount = value.is_scalar() ? parse_decimal(value.text) : Result<Decimal>(Decimal{});
    if (!amount || amount->is_zero())
      return tell(value, field, Outcome::impossible, "lost: want money above 0");
    const auto said = text_of(settings.find("budget_duration"));
    std::string window = "lifetime";
    if (said) {
      const std::map<std::string, std::string, std::less<>> windows{
          {"1s", "second"}, {"60s", "minute"}, {"1m", "minute"}, {"1h", "hour"},
          {"60m", "hour"},  {"24h", "day"},    {"1d", "day"},    {"30d", "month"},
          {"31d", "month"}, {"1mo", "month"}};
      const auto found = windows.find(*said);
      if (found == windows.end())
        return tell(value, field, Outcome::impossible,
                    fmt::format("lost: there is no window of {}; say a limit of money for a day or "
                                "a month (docs/limits.md)",
                                *said));
      window = found->second;
    }
    contents_.has_money = true;
    contents_.limits.push_back(
        {{"measure", "money"}, {"window", window}, {"amount", to_text(*amount)}});
    tell(value, field, Outcome::changed,
         fmt::format("a limit of the tenant '{}' in USD, for a {} of the calendar; it counts what "
                     "has a price",
                     kTenant, window));
  }

  static std::vector<std::string> names_in(const YamlNode& list) {
    std::vector<std::string> names;
    if (list.is_scalar()) names.push_back(list.text);
    for (const YamlNode& one : list.values)
      if (one.is_scalar()) names.push_back(one.text);
    return names;
  }

  // [{model: [other, ...]}, ...]
  void read_fallbacks(const YamlNode& list, const std::string& field) {
    for (const YamlNode& entry : list.values) {
      for (std::size_t i = 0; i < entry.names.size(); ++i) {
        const std::string& from = entry.names[i].text;
        const Wish wish{.names = names_in(entry.values[i]),
                        .position = entry.names[i].position,
                        .field = fmt::format("{}.{}", field, from)};
        if (from == "*")
          contents_.default_fallbacks = wish;
        else
          contents_.fallbacks[from] = wish;
      }
    }
  }
  void read_default_fallbacks(const YamlNode& list, const std::string& field) {
    contents_.default_fallbacks =
        Wish{.names = names_in(list), .position = list.position, .field = field};
  }
  // {alias: model} or {alias: {model: model, hidden: true}}
  void read_aliases(const YamlNode& map, const std::string& field) {
    for (std::size_t i = 0; i < map.names.size(); ++i) {
      const YamlNode& value = map.values[i];
      const std::string name = fmt::format("{}.{}", field, map.names[i].text);
      const auto target = value.is_map() ? text_of(value.find("model")) : text_of(&value);
      if (!target || !ModelName::parse(map.names[i].text)) {
        tell(value, name, Outcome::impossible, "lost: want a name of a model");
        continue;
      }
      contents_.aliases[map.names[i].text] =
          Wish{.names = {*target}, .position = value.position, .field = name};
      if (value.find("hidden") != nullptr)
        tell(*value.find("hidden"), name + ".hidden", Outcome::impossible,
             "lost: /v1/models lists it");
    }
  }

  void unknown(const YamlNode& name, std::string field) {
    tell(name, std::move(field), Outcome::impossible,
         "lost: there is nothing like it, or this import does not know it");
  }

  static constexpr const char* kClear = "?";  // a key that stood there in clear

  Imported& out_;
  Contents contents_;
  std::optional<std::string> total_timeout_;
  bool drops_ = false;
};

}  // namespace

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::taken:
      return "taken over";
    case Outcome::changed:
      return "changed";
    default:
      return "not possible";
  }
}

Imported import_litellm(const std::string& file, std::string_view text) {
  Imported out;
  const auto documents = config::read_yaml(file, text, out.errors);
  if (!out.errors.empty()) return out;
  if (documents.size() != 1) {
    out.errors.push_back({.position = {.file = file}, .message = "want one YAML document"});
    return out;
  }
  Importer(out).run(documents.front());
  std::ranges::sort(out.secrets);
  out.secrets.erase(std::ranges::unique(out.secrets).begin(), out.secrets.end());
  std::ranges::sort(out.findings, {}, [](const ImportFinding& one) {
    return std::tuple(one.position.line, one.position.column, one.field);
  });
  return out;
}

}  // namespace sovmesh::compose

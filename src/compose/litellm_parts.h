#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compose/litellm_import.h"

// Between the reader of LiteLLM's configuration and the writer of ours.
namespace sovmesh::compose::litellm {

using Json = nlohmann::ordered_json;

// What to say of fields that have no counterpart, or need none.
struct Known {
  std::string_view field;
  ImportFinding::Outcome outcome;
  std::string_view text;
};
// "router_settings.num_retries"; null: not known.
const Known* find_setting(std::string_view field);
const Known* find_parameter(std::string_view name);  // of litellm_params
const Known* find_info(std::string_view name);       // of model_info
extern const std::string_view kBuiltIn;

// One entry of model_list, as far as it is ours.
struct Deployment {
  std::string group;            // model_name
  std::string engine;           // name of ours
  std::string engine_model;     // "*": all that it lists
  Json model = Json::object();  // members of a model, but name, engine and engine_model
  std::optional<std::int64_t> weight;
  std::optional<std::int64_t> rpm, tpm;
  std::optional<Json> price;  // without model and currency
};
// A server with one key.
struct Engine {
  std::string name, dialect, url, key;
  std::optional<std::int64_t> slots;
  bool discovers = false;
  bool embeddings = false;
};

// What somebody wants of names that may not be there in the end: told when that is known.
struct Wish {
  std::vector<std::string> names;
  config::Position position;
  std::string field;
};
// All of it, as far as it is ours.
struct Contents {
  std::vector<Deployment> deployments;
  std::vector<Engine> engines;
  std::map<std::string, Wish> fallbacks;  // by the name that falls back
  std::optional<Wish> default_fallbacks;
  std::map<std::string, Wish> aliases;  // to one name each
  Json limits = Json::array();          // of the tenant
  bool has_money = false;               // prices or budgets, which are in USD there
};
inline constexpr const char* kTenant = "default";

// Our configuration; what cannot be in it is added to `findings`.
std::string write_configuration(const Contents& contents, std::vector<ImportFinding>& findings);

}  // namespace sovmesh::compose::litellm

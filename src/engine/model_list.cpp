#include "engine/model_list.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/ids.h"

namespace sovmesh::engine {
namespace {

using nlohmann::json;

constexpr std::int64_t kNumberMax = std::int64_t{1} << 40;

// A number that no honest engine gives counts as not given.
std::int64_t number(const json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_integer()) return 0;
  const auto value = found->get<std::int64_t>();
  return value < 0 || value > kNumberMax ? 0 : value;
}

}  // namespace

Result<std::vector<ListedModel>> parse_model_list(std::string_view text) {
  const json parsed = json::parse(text, nullptr, false);
  const auto data = parsed.is_object() ? parsed.find("data") : parsed.end();
  if (!parsed.is_object() || data == parsed.end() || !data->is_array()) {
    return upstream_error(Code::upstream_invalid_response,
                          "the engine's model list is not of the form {\"data\":[...]}");
  }
  std::vector<ListedModel> models;
  for (const json& entry : *data) {
    const auto id = entry.is_object() ? entry.find("id") : entry.end();
    if (!entry.is_object() || id == entry.end() || !id->is_string()) continue;
    const auto& name = id->get_ref<const std::string&>();
    if (!ModelName::parse(name)) continue;
    // vLLM and SGLang say how long a context may be.
    models.push_back({.name = name,
                      .context_tokens = number(entry, "max_model_len"),
                      .created = number(entry, "created")});
    if (models.size() == kListedModelsMax) break;
  }
  std::ranges::sort(models, {}, &ListedModel::name);
  const auto twice = std::ranges::unique(models, {}, &ListedModel::name);
  models.erase(twice.begin(), twice.end());
  return models;
}

std::string model_list_json(const std::vector<ListedModel>& models) {
  json data = json::array();
  for (const ListedModel& model : models) {
    data.push_back(
        {{"id", model.name}, {"max_model_len", model.context_tokens}, {"created", model.created}});
  }
  return json{{"data", std::move(data)}}.dump();
}

}  // namespace sovmesh::engine

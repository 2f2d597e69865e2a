#include "gateway/routes.h"

namespace sovmesh::gateway {
namespace {

bool strip_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Endpoint match_api(std::string_view rest, std::string_view& object_id) {
  if (rest == "chat/completions") return Endpoint::chat_completions;
  if (rest == "completions") return Endpoint::completions;
  if (rest == "embeddings") return Endpoint::embeddings;
  if (rest == "models") return Endpoint::models;
  if (rest == "usage") return Endpoint::usage;
  if (rest == "usage/export") return Endpoint::usage_export;
  if (strip_prefix(rest, "models/") && !rest.empty()) {
    object_id = rest;
    return Endpoint::model;
  }
  if (strip_prefix(rest, "requests/") && !rest.empty()) {
    object_id = rest;
    return Endpoint::request;
  }
  return Endpoint::unmatched;
}

}  // namespace

std::string_view route_label(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::healthz:
      return "/healthz";
    case Endpoint::livez:
      return "/livez";
    case Endpoint::readyz:
      return "/readyz";
    case Endpoint::chat_completions:
      return "/v1/chat/completions";
    case Endpoint::completions:
      return "/v1/completions";
    case Endpoint::embeddings:
      return "/v1/embeddings";
    case Endpoint::models:
      return "/v1/models";
    case Endpoint::model:
      return "/v1/models/{id}";
    case Endpoint::usage:
      return "/v1/usage";
    case Endpoint::usage_export:
      return "/v1/usage/export";
    case Endpoint::request:
      return "/v1/requests/{id}";
    case Endpoint::unmatched:
      break;
  }
  return "unmatched";
}

std::string_view method_of(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::chat_completions:
    case Endpoint::completions:
    case Endpoint::embeddings:
      return "POST";
    case Endpoint::unmatched:
      return "";
    default:
      return "GET";
  }
}

Route match_route(std::string_view method, std::string_view path) {
  Route route;
  std::string_view rest = path;
  if (rest == "/healthz") route.endpoint = Endpoint::healthz;
  if (rest == "/livez") route.endpoint = Endpoint::livez;
  if (rest == "/readyz") route.endpoint = Endpoint::readyz;
  if (strip_prefix(rest, "/t/")) {
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos) return route;
    route.path_tenant = rest.substr(0, slash);
    rest.remove_prefix(slash);
  }
  if (strip_prefix(rest, "/v1/")) route.endpoint = match_api(rest, route.object_id);
  const std::string_view wanted = method_of(route.endpoint);
  route.method_allowed = wanted.empty() || method == wanted;
  return route;
}

std::optional<llmapi::Operation> operation_of(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::chat_completions:
      return llmapi::Operation::chat;
    case Endpoint::completions:
      return llmapi::Operation::completion;
    case Endpoint::embeddings:
      return llmapi::Operation::embeddings;
    default:
      return std::nullopt;
  }
}

}  // namespace sovmesh::gateway

#include "gateway/engine_call.h"

#include <fmt/format.h>

namespace sovmesh::gateway {
namespace {

std::string_view engine_path(llmapi::Operation operation) {
  switch (operation) {
    case llmapi::Operation::completion:
      return "/completions";
    case llmapi::Operation::embeddings:
      return "/embeddings";
    case llmapi::Operation::chat:
      break;
  }
  return "/chat/completions";
}

}  // namespace

void complete_for(llmapi::Request& request, const catalog::Model& model, const Seat& seat,
                  bool streams, std::string_view cache_salt) {
  const engine::Engine& engine = seat.engine();
  const engine::Capabilities& can = engine.capabilities();
  llmapi::UpstreamExtras extras;
  extras.dialect = engine.dialect();
  extras.engine_model = model.engine_model;
  extras.stream = streams;
  extras.live_usage = can.live_usage;
  if (can.tenant_slots) {
    extras.slot = seat.slot();
    extras.fresh_cache = seat.fresh_cache();
  }
  if (can.cache_salt) extras.cache_salt = cache_salt;
  extras.adapter = model.adapter;
  extras.adapters = engine.adapters();
  llmapi::complete_upstream(request, extras);
}

EngineCall::EngineCall(const engine::Engine& engine, const llmapi::Request& request, bool streams,
                       std::optional<std::chrono::milliseconds> connect_time)
    : target_(engine.base_path()) {
  target_ += engine_path(request.operation);
  request_.method = "POST";
  request_.target = target_;
  request_.body = request.body;
  request_.connect_time = connect_time;
  add("content-type", "application/json");
  add("accept", streams ? "text/event-stream" : "application/json");
  add("accept-encoding", "identity");
  if (engine.api_key().empty()) return;
  authorization_ = fmt::format("Bearer {}", engine.api_key().reveal());
  add("authorization", authorization_);
}

}  // namespace sovmesh::gateway

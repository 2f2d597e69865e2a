#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "catalog/records.h"
#include "gateway/dispatcher.h"
#include "http/client.h"
#include "llmapi/request.h"

namespace sovmesh::gateway {

// The bytes for the seat's engine: llmapi::complete_upstream() for this model.
void complete_for(llmapi::Request& request, const catalog::Model& model, const Seat& seat,
                  bool streams, std::string_view cache_salt);

// A completed request as it goes over the wire. These fields, those that are added, and no other
// ones reach an engine: an allow-list by construction. The request must outlive it.
class EngineCall {
 public:
  EngineCall(const engine::Engine& engine, const llmapi::Request& request, bool streams,
             std::optional<std::chrono::milliseconds> connect_time);
  EngineCall(const EngineCall&) = delete;
  EngineCall& operator=(const EngineCall&) = delete;

  // Views, as the rest.
  void add(std::string_view name, std::string_view value) {
    request_.fields.push_back({.name = name, .value = value});
  }
  void send_once(bool once) { request_.once = once; }
  const http::ClientRequest& request() const { return request_; }

 private:
  std::string target_;
  std::string authorization_;
  http::ClientRequest request_;
};

}  // namespace sovmesh::gateway

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "rt/event.h"
#include "rt/loop.h"

namespace sovmesh {

// An engine that is whatever a test says.
class FakeEngine : public engine::Engine {
 public:
  FakeEngine(std::string name, int slots) : name_(std::move(name)), slots_(slots) {}

  std::string_view name() const override { return name_; }
  llmapi::Dialect dialect() const override { return dialect_; }
  const engine::Capabilities& capabilities() const override { return capabilities_; }
  int slots() const override { return slots_; }
  const http::Origin& origin() const override { return origin_; }
  std::string_view base_path() const override { return "/v1"; }
  const Secret& api_key() const override { return api_key_; }
  engine::Status status() const override { return status_; }
  std::uint64_t generation() const override { return generation_; }
  bool is_ready() const override { return ready_.has_value() && !is_starting_; }
  rt::Task<Result<void>> ensure_ready(rt::Loop& loop, rt::Until until) override {
    while (is_starting_) {
      const rt::Until look{loop.in(std::chrono::milliseconds(1)).earlier(until.deadline),
                           until.cancelled};
      if (!co_await rt::sleep(loop, look) || until.deadline.passed(loop.now()))
        co_return our_error(Code::model_loading, "the model is being loaded");
    }
    co_return ready_;
  }
  void suspect() override { ++suspected_; }
  rt::Task<void> stop(rt::Deadline deadline) override {
    (void)deadline;
    ++stops_;
    co_return;
  }

  bool is_managed() const override { return is_managed_; }
  void take_out_of_service() override { set_out_of_service(true); }
  void put_in_service() override { set_out_of_service(false); }
  bool is_out_of_service() const override { return is_out_; }
  std::optional<std::int64_t> memory_bytes() const override { return memory_bytes_; }
  std::vector<std::string> recent_log() const override { return log_; }
  std::uint64_t withheld_log_lines() const override { return withheld_; }

  std::optional<engine::LoadReading> load() const override { return load_; }
  std::uint64_t load_version() const override { return load_version_; }

  void restart() { ++generation_; }
  void say(std::optional<engine::LoadReading> load) {
    load_ = std::move(load);
    ++load_version_;
  }

  llmapi::Dialect dialect_ = llmapi::Dialect::vllm;
  engine::Capabilities capabilities_;
  http::Origin origin_;
  Secret api_key_;
  engine::Status status_;
  Result<void> ready_;
  int suspected_ = 0;
  bool is_managed_ = false;
  bool is_starting_ = false;  // until a test says otherwise, or it is taken out of service
  std::optional<std::int64_t> memory_bytes_;
  std::vector<std::string> log_;
  std::uint64_t withheld_ = 0;
  int stops_ = 0;

 private:
  void set_out_of_service(bool is_out) {
    is_out_ = status_.is_out_of_service = is_out;
    is_starting_ = false;
    status_.state = is_out ? engine::State::stopped : engine::State::ready;
    status_.reason = is_out ? "stopped by an administrator" : "";
    ready_ = is_out ? Result<void>(our_error(Code::no_healthy_backend, "out of service"))
                    : Result<void>();
  }

  std::string name_;
  int slots_;
  std::uint64_t generation_ = 1;
  std::atomic<bool> is_out_ = false;
  std::optional<engine::LoadReading> load_;
  std::uint64_t load_version_ = 0;
};

}  // namespace sovmesh

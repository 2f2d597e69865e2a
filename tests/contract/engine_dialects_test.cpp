// What the gateway wants of an engine, over each dialect that engines speak.

#include <gmock/gmock.h>

#include <memory>
#include <optional>
#include <string>

#include "engine/canary.h"
#include "engine/health.h"
#include "engine_remote/remote_engine.h"
#include "http/sse.h"
#include "llmapi/padded_test_support.h"
#include "llmapi/reply.h"
#include "rt/sim/sim.h"
#include "rt/task_group.h"
#include "sim/engine_sim.h"
#include "tests/support/result_matchers.h"

namespace sovmesh {
namespace {

using namespace std::chrono_literals;
using engine::State;
using llmapi::Dialect;

constexpr std::int64_t kTokens = 5;

class EngineDialect : public testing::TestWithParam<Dialect> {
 protected:
  EngineDialect() {
    spec_.name = "far";
    spec_.url = "http://10.0.0.7:8000/v1";
    spec_.dialect = GetParam();
    spec_.discover_models = true;
  }
  ~EngineDialect() override {
    if (engine_) world_.run(engine_->stop(world_.loop().in(5s)));
    engine_.reset();
    pool_.close_idle();
    if (sim_) sim_->stop();
    world_.run_until_idle(10min);
    world_.end();
  }

  void serve(sim::EngineSimOptions options = {}) {
    options.dialect = GetParam();
    options.tokens = kTokens;
    sim_.emplace(world_.loop(), std::move(options));
    auto listener = network_.listen(*rt::parse_endpoint("10.0.0.7:8000"), {});
    ASSERT_THAT(listener, Succeeds());
    tasks_.spawn(sim_->serve(*std::move(listener)));
    auto made = engine_remote::RemoteEngine::make(
        {.loop = world_.loop(),
         .network = network_,
         .resolver = resolver_,
         .random = world_.random(),
         .on_change = {},
         .on_models =
             [this](const Result<std::vector<engine::ListedModel>>& list) {
               models_ = list ? *list : std::vector<engine::ListedModel>();
             }},
        spec_);
    ASSERT_THAT(made, Succeeds());
    engine_ = *made;
    engine_->start();
    ASSERT_TRUE(reaches(State::ready));
  }
  bool reaches(State state) {
    return world_.run_until([&] { return engine_->status().state == state; }, 30s);
  }
  rt::Until soon() { return {world_.loop().in(10s), nullptr}; }

  // What the gateway would send for a client's request.
  http::ClientResponse post(std::string_view content, bool stream, std::int64_t output_max = 100) {
    const std::string body = R"({"model":"m","max_tokens":)" + std::to_string(output_max) +
                             R"(,"messages":[{"role":"user","content":")" + std::string(content) +
                             "\"}]}";
    auto request = llmapi::parse_request(llmapi::Operation::chat, llmapi::Padded(body), {});
    EXPECT_THAT(request, Succeeds());
    llmapi::complete_upstream(*request, {.dialect = GetParam(),
                                         .engine_model = "sim",
                                         .stream = stream,
                                         .live_usage = engine_->capabilities().live_usage,
                                         .cache_salt = "tenant"});
    http::ClientRequest call{.method = "POST",
                             .target = "/v1/chat/completions",
                             .fields = {{"content-type", "application/json"}},
                             .body = request->body};
    auto answer =
        world_.run(http::fetch(pool_, engine_->origin(), std::move(call), 1 << 20, soon()));
    EXPECT_THAT(answer, Succeeds());
    return answer ? *std::move(answer) : http::ClientResponse{};
  }

  static rt::Task<void> keep_busy(http::ClientPool* pool, const http::Origin* origin,
                                  rt::Until until) {
    const std::string body = R"({"model":"sim","messages":[{"role":"user","content":"x"}]})";
    http::ClientRequest call{.method = "POST",
                             .target = "/v1/chat/completions",
                             .fields = {{"content-type", "application/json"}},
                             .body = body};
    (void)co_await http::fetch(*pool, *origin, std::move(call), 1 << 20, until);
  }

  struct Streamed {
    Result<void> end = Result<void>();
    llmapi::TokenCounts counts;
    llmapi::FinishReason finish = llmapi::FinishReason::none;
    std::string text;  // as the client gets it
  };
  Streamed ask_stream(std::string_view content, std::int64_t output_max = 100) {
    const http::ClientResponse answer = post(content, true, output_max);
    Streamed got;
    if (answer.status != 200) {
      got.end = fail(llmapi::translate_engine_error(answer.status, answer.body));
      return got;
    }
    class Text final : public llmapi::TextSink {
     public:
      explicit Text(std::string& to) : to_(to) {}
      void text(std::size_t, std::string_view piece) override { to_ += piece; }

     private:
      std::string& to_;
    } sink(got.text);
    llmapi::StreamTranslator translator(llmapi::Operation::chat, GetParam(), kIdentity, true, &sink,
                                        {.prompts = 1, .choices = 1});
    std::string out;
    http::SseParser parser;
    parser.feed(answer.body);
    http::SseEvent event;
    for (;;) {
      const auto more = parser.next(event);
      EXPECT_THAT(more, Succeeds());
      if (!more || !*more) break;
      const auto outcome = translator.on_event(event.data, false, out);
      if (!outcome) got.end = fail(outcome.error());
      if (!outcome) return got;
    }
    got.end = translator.finish(out);
    got.counts = translator.counts();
    got.finish = translator.finish_reason();
    return got;
  }

  static constexpr llmapi::ReplyIdentity kIdentity{
      .id = "chatcmpl-1", .public_model = "m", .created = 7};

  rt::sim::SimWorld world_{13};
  rt::sim::SimNetwork network_{world_};
  rt::sim::SimResolver resolver_{world_};
  http::ClientPool pool_{world_.loop(), network_, resolver_, {}};
  rt::TaskGroup tasks_{world_.loop(), 1};
  engine::RemoteSpec spec_;
  std::optional<sim::EngineSim> sim_;
  std::shared_ptr<engine_remote::RemoteEngine> engine_;
  std::vector<engine::ListedModel> models_;
};

TEST_P(EngineDialect, IsHealthyOrNotAndListsItsModels) {
  serve();
  ASSERT_EQ(models_.size(), 1U);
  EXPECT_EQ(models_[0].name, "sim");
  sim_->set_faults({{.kind = sim::FaultKind::unhealthy}});
  engine_->suspect();
  EXPECT_TRUE(reaches(State::unhealthy));
  sim_->set_faults({});
  EXPECT_TRUE(reaches(State::ready));
}

TEST_P(EngineDialect, AStreamIsCountedAsTheEngineCountsIt) {
  serve();
  const Streamed got = ask_stream("three more words");
  EXPECT_THAT(got.end, Succeeds());
  EXPECT_EQ(got.text, sim::EngineSim::answer_text(kTokens));
  EXPECT_EQ(got.counts.generated, kTokens);
  EXPECT_EQ(got.counts.prompt, sim_->counts().prompt_tokens);
  EXPECT_EQ(got.counts.source, llmapi::CountSource::engine_final);
  EXPECT_EQ(got.finish, llmapi::FinishReason::stop);
  EXPECT_EQ(ask_stream("x", 2).finish, llmapi::FinishReason::length);
}

TEST_P(EngineDialect, APlainAnswerIsCountedAsTheEngineCountsIt) {
  serve();
  const http::ClientResponse answer = post("three more words", false);
  ASSERT_EQ(answer.status, 200);
  llmapi::ReplyForm form;
  form.operation = llmapi::Operation::chat;
  const auto plain =
      llmapi::translate_plain(form, GetParam(), llmapi::Padded(answer.body), kIdentity, nullptr);
  ASSERT_THAT(plain, Succeeds());
  EXPECT_EQ(plain->counts.generated, kTokens);
  EXPECT_EQ(plain->counts.prompt, sim_->counts().prompt_tokens);
  EXPECT_THAT(plain->body, testing::HasSubstr(sim::EngineSim::answer_text(kTokens)));
}

TEST_P(EngineDialect, ItsCountersAreRead) {
  serve();
  ask_stream("three more words");
  const auto counters = world_.run(engine::read_counters(
      pool_, engine_->origin(), GetParam(), engine_->base_path(), engine_->api_key(), soon()));
  ASSERT_THAT(counters, Succeeds());
  EXPECT_EQ(counters->prompt_tokens, sim_->counts().prompt_tokens);
  EXPECT_EQ(counters->generated_tokens, kTokens);
  EXPECT_EQ(counters->running, 0);
  EXPECT_EQ(counters->waiting, 0);
}

TEST_P(EngineDialect, ATokenForTheCanaryIsGenerated) {
  serve();
  EXPECT_THAT(world_.run(engine::generate_one(pool_, *engine_, "sim", true, soon())), Succeeds());
  sim_->set_faults({{.kind = sim::FaultKind::status, .argument = 500}});
  EXPECT_THAT(world_.run(engine::generate_one(pool_, *engine_, "sim", true, soon())),
              FailsWith(Code::upstream_error));
}

TEST_P(EngineDialect, WhatIsTooLongIsTheClientsFault) {
  serve({.context_tokens = 50});
  EXPECT_THAT(ask_stream("x", 60).end, FailsWith(Code::context_length_exceeded));
  const http::ClientResponse plain = post("x", false, 60);
  EXPECT_EQ(llmapi::translate_engine_error(plain.status, plain.body).code(),
            Code::context_length_exceeded);
}

TEST_P(EngineDialect, ErrorsOfTheEngineAreItsOwnFault) {
  serve();
  EXPECT_THAT(ask_stream("[[sim:status=500]]").end, FailsWith(Code::upstream_error));
  EXPECT_THAT(ask_stream("[[sim:error-after=2]]").end, FailsWith(Code::upstream_error));
  EXPECT_THAT(ask_stream("[[sim:end-after=2]]").end, FailsWith(Code::upstream_error));
}

TEST_P(EngineDialect, AFullQueueIsOverload) {
  serve({.slots = 1, .tokens_per_second = 1, .waiting_max = 1});
  rt::TaskGroup others(world_.loop(), 2);
  for (int i = 0; i < 2; ++i)
    others.spawn(keep_busy(&pool_, &engine_->origin(), soon()));
  ASSERT_TRUE(world_.run_until([&] { return sim_->counts().waiting == 1; }, 5s));
  EXPECT_THAT(ask_stream("x").end, FailsWith(Code::overloaded));
  world_.run_for(20s);
}

INSTANTIATE_TEST_SUITE_P(All, EngineDialect,
                         testing::Values(Dialect::llama_cpp, Dialect::vllm, Dialect::sglang,
                                         Dialect::tgi, Dialect::tensorrt_llm),
                         [](const auto& info) { return std::string(llmapi::name(info.param)); });

}  // namespace
}  // namespace sovmesh

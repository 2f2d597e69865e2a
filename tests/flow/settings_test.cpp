// What a tenant has set for its own requests, on their way: models, values, what goes before the
// messages and behind the answer.

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "base/time_text.h"
#include "tests/flow/gateway_world.h"
#include "tests/flow/stream_script.h"
#include "tests/support/count_text.h"

namespace sovmesh::flow {
namespace {

using namespace std::chrono_literals;
using limits::Measure;
using limits::Window;
using tenancy::Settings;
using tenancy::SystemPrompt;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using enum RequestParameter;

constexpr std::string_view kChat = "/v1/chat/completions";
constexpr std::int64_t kOne = kParameterUnit;

ModelName named(std::string_view name) { return ModelName::parse(name).value(); }

void put(ParameterValues& values, RequestParameter parameter, std::int64_t micro) {
  values.at(static_cast<std::size_t>(parameter)) = micro;
}

class TenantSettingsFlow : public testing::Test {
 protected:
  TenantSettingsFlow() { gateway_.scripted.script = {.parts = {make_stream({"Hi", "!"}).bytes}}; }
  void TearDown() override {
    EXPECT_TRUE(gateway_.settle());
    EXPECT_THAT(gateway_.ledger.violations, IsEmpty());
  }
  void set(Settings settings, std::string_view tenant = "aurora") {
    gateway_.set_settings(tenant, std::move(settings));
  }
  Answer ask(std::string_view more = "", std::string_view model = "script",
             std::string_view tenant = "aurora", std::string_view fields = "") {
    return post(kChat, chat_body("hello", more, model), tenant, fields);
  }
  Answer post(std::string_view path, const std::string& body, std::string_view tenant = "aurora",
              std::string_view fields = "") {
    Client client(gateway_);
    client.post(path, body, tenant, fields);
    return client.answer();
  }
  Answer get(std::string_view path, std::string_view tenant = "aurora") {
    Client client(gateway_);
    client.get(path, tenant);
    return client.answer();
  }
  // Of the last request to the scripted engine.
  const std::string& sent() const { return gateway_.scripted.bodies.back(); }
  const MemoryLedger::Row& row() const { return gateway_.ledger.last(); }

  GatewayWorld gateway_;
};

// --- values -------------------------------------------------------------------------------------

TEST_F(TenantSettingsFlow, DefaultsReachTheEngine) {
  Settings settings;
  put(settings.defaults, temperature, kOne / 4);
  put(settings.defaults, max_tokens, 40 * kOne);
  set(settings);
  EXPECT_EQ(ask().status, 200);
  EXPECT_THAT(sent(), AllOf(HasSubstr(R"(,"temperature":0.25,)"), HasSubstr(R"("max_tokens":40)")));
  EXPECT_EQ(row().intent.output_max, 40);
  EXPECT_EQ(ask(R"(,"temperature":1.5,"max_tokens":7)").status, 200);
  EXPECT_THAT(sent(), AllOf(HasSubstr(R"("temperature":1.5)"), HasSubstr(R"("max_tokens":7)"),
                            Not(HasSubstr("0.25"))));
  post("/v1/completions", R"({"model":"script","prompt":"x"})");  // it answers as to a chat
  EXPECT_THAT(sent(), HasSubstr(R"("temperature":0.25)"));
}

TEST_F(TenantSettingsFlow, MoreThanTheMaximumIsRefusedBeforeAnythingIsReserved) {
  Settings settings;
  put(settings.maximums, max_tokens, 50 * kOne);
  put(settings.maximums, temperature, 7 * kOne / 10);
  set(settings);
  const Answer refused = ask(R"(,"max_tokens":51)");
  EXPECT_EQ(refused.status, 400);
  EXPECT_THAT(
      refused.body,
      AllOf(HasSubstr(R"("param":"max_tokens")"), HasSubstr(R"("code":"integer_above_max_value")"),
            HasSubstr("51 is more than 50, the most that the tenant 'aurora' has set")));
  EXPECT_EQ(ask(R"(,"temperature":0.8,"stream":true)").status, 400);
  EXPECT_THAT(gateway_.scripted.bodies, IsEmpty());
  EXPECT_THAT(gateway_.ledger.order, IsEmpty());
  EXPECT_EQ(ask(R"(,"max_tokens":50,"temperature":0.7)").status, 200);
  EXPECT_EQ(ask(R"(,"max_tokens":51)", "script", "borealis").status, 200) << "not its settings";
}

TEST_F(TenantSettingsFlow, ClampedValuesAreServed) {
  Settings settings;
  put(settings.maximums, max_tokens, 50 * kOne);
  put(settings.maximums, temperature, 7 * kOne / 10);
  put(settings.maximums, n, kOne);
  settings.on_excess = Settings::OnExcess::clamp;
  set(settings);
  const Answer answer = ask(R"(,"n":3,"max_tokens":5000,"temperature":2)");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(sent(), AllOf(HasSubstr(R"("n":1)"), HasSubstr(R"("temperature":0.7)"),
                            HasSubstr(R"("max_tokens":50)")));
}

// The tenant's maximum comes before the model's own bound, so what it cuts is never too much for
// it.
TEST_F(TenantSettingsFlow, WhatIsBeyondTheModelsBoundIsClampedFirst) {
  gateway_.change_model("script", [](catalog::Model& model) {
    model.output_tokens_max = 60;
    model.choices_max = 2;
    model.context_tokens = 500;
  });
  Settings settings;
  put(settings.maximums, max_tokens, 50 * kOne);
  put(settings.maximums, n, kOne);
  EXPECT_EQ(ask(R"(,"max_tokens":61)").status, 400) << "without settings";
  set(settings);
  EXPECT_EQ(ask(R"(,"max_tokens":61)").status, 400) << "and where they refuse";
  settings.on_excess = Settings::OnExcess::clamp;
  set(settings);
  const Answer answer = ask(R"(,"max_tokens":5000,"n":3)");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_THAT(sent(), AllOf(HasSubstr(R"("max_tokens":50)"), HasSubstr(R"("n":1)")));
  EXPECT_EQ(row().intent.output_max, 50);
  EXPECT_EQ(ask(R"(,"max_tokens":5000000000)").status, 400) << "the API's own bound";
  EXPECT_EQ(ask(R"(,"n":129)").status, 400);
  EXPECT_EQ(post("/v1/completions", R"({"model":"script","prompt":["a","b","c"],"n":3})").status,
            400)
      << "three prompts are too many for this model";
  put(settings.maximums, max_tokens, 70 * kOne);
  set(settings);
  const Answer above = ask(R"(,"max_tokens":5000)");
  EXPECT_EQ(above.status, 400) << "the maximum is above the model's bound";
  EXPECT_TRUE(above.has("Expected a value <= 60, but got 5000")) << above.body;
}

TEST_F(TenantSettingsFlow, LimitsReserveWhatTheRequestBecomes) {
  Settings settings;
  put(settings.maximums, max_tokens, 30 * kOne);
  settings.on_excess = Settings::OnExcess::clamp;
  settings.system_prompts = {{.name = "house", .text = std::string(4'000, 'x')}};
  gateway_.limit(gateway_.tenant_limit("aurora", Measure::output_tokens, Window::day, 35));
  EXPECT_EQ(ask(R"(,"max_tokens":1000)").status, 429) << "without settings it is too much";
  set(settings);
  EXPECT_EQ(ask(R"(,"max_tokens":1000)").status, 200);
  EXPECT_EQ(row().intent.output_max, 30);
  EXPECT_GE(row().intent.prompt_estimate, 1'000) << "of the final text";
  EXPECT_EQ(row().intent.reserved_tokens, row().intent.prompt_estimate + 30);
}

TEST_F(TenantSettingsFlow, AnAnswerWithoutABoundHasTheMaximumForOne) {
  Settings settings;
  put(settings.maximums, max_tokens, 5 * kOne);
  set(settings);
  const Answer answer = ask("", "chat");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.has(R"("finish_reason":"length")")) << answer.body;
  EXPECT_TRUE(answer.has(R"("completion_tokens":5)")) << answer.body;
}

// --- models -------------------------------------------------------------------------------------

TEST_F(TenantSettingsFlow, ModelsThatAreNotAllowedAreAsIfTheyWereNotThere) {
  Settings settings;
  settings.models = {named("chat"), named("script")};
  set(settings);
  EXPECT_EQ(ask("", "chat").status, 200);
  const Answer hidden = ask("", "quick");
  const Answer unknown = ask("", "quack");
  EXPECT_EQ(hidden.status, 404);
  std::string as_unknown = without_ids(unknown.body);
  as_unknown.replace(as_unknown.find("quack"), 5, "quick");
  EXPECT_EQ(without_ids(hidden.body), as_unknown);
  const Answer list = get("/v1/models");
  EXPECT_TRUE(list.has(R"("id":"chat")"));
  EXPECT_FALSE(list.has(R"("id":"quick")"));
  EXPECT_EQ(get("/v1/models/quick").status, 404);
  EXPECT_EQ(post("/v1/embeddings", R"({"model":"embed","input":"x"})").status, 404);
  EXPECT_EQ(ask("", "quick", "borealis").status, 200);
  EXPECT_TRUE(get("/v1/models", "borealis").has(R"("id":"quick")"));
}

TEST_F(TenantSettingsFlow, AKeyMayUseWhatBothAllow) {
  Settings settings;
  settings.models = {named("chat")};
  set(settings);
  gateway_.narrow_key("aurora", {named("chat"), named("quick")});
  EXPECT_EQ(ask("", "chat").status, 200);
  EXPECT_EQ(ask("", "quick").status, 404);
  gateway_.narrow_key("aurora", {named("quick")});
  EXPECT_EQ(ask("", "chat").status, 404);
  EXPECT_EQ(ask("", "quick").status, 404);
}

TEST_F(TenantSettingsFlow, FallbacksAreOfWhatIsAllowed) {
  catalog::Route route{.name = named("assistant"),
                       .versions = {{.model = named("script"), .weight = 1}}};
  route.fallbacks = {{.name = named("quick")}, {.name = named("chat")}};
  gateway_.set_route(route);
  gateway_.scripted.script = {.parts = {"HTTP/1.1 500 x\r\ncontent-type: application/json\r\n"
                                        "content-length: 2\r\n\r\n{}"}};
  Settings settings;
  settings.models = {named("assistant")};
  set(settings);
  EXPECT_EQ(ask("", "assistant").status, 502) << "no fallback is allowed";
  EXPECT_EQ(gateway_.engine_sim.counts().requests, 0);
  settings.models = {named("assistant"), named("chat")};
  set(settings);
  EXPECT_EQ(ask("", "assistant").status, 200);
  EXPECT_EQ(row().intent.model_revision.substr(0, 5), "chat@") << "and not quick";
}

// --- what goes before the messages --------------------------------------------------------------

SystemPrompt house(std::string text, SystemPrompt::Mode mode = SystemPrompt::Mode::prepend) {
  return {.name = "house", .text = std::move(text), .models = {}, .projects = {}, .mode = mode};
}

TEST_F(TenantSettingsFlow, ASystemPromptGoesFirst) {
  Settings settings;
  settings.system_prompts = {house("You serve {{tenant}}/{{project}} on {{date}}.")};
  set(settings);
  EXPECT_EQ(ask(kStream).status, 200);
  const std::string day = to_rfc3339(gateway_.world.clock().wall_now()).substr(0, 10);
  EXPECT_THAT(sent(),
              HasSubstr(R"("messages":[{"role":"system","content":"You serve aurora/default on )" +
                        day + R"(."},{"role":"user","content":"hello"}])"));
  EXPECT_EQ(ask("", "script", "borealis").status, 200);
  EXPECT_THAT(sent(), Not(HasSubstr("system")));
}

TEST_F(TenantSettingsFlow, ADefaultOneIsForWhoSendsNone) {
  Settings settings;
  settings.system_prompts = {house("OURS", SystemPrompt::Mode::if_missing)};
  set(settings);
  EXPECT_EQ(ask().status, 200);
  EXPECT_THAT(sent(), HasSubstr("OURS"));
  for (const char* const role : {"system", "developer"}) {
    const std::string body =
        fmt::format(R"({{"model":"script","messages":[{{"role":"{}","content":"THEIRS"}},)"
                    R"({{"role":"user","content":"x"}}]}})",
                    role);
    EXPECT_EQ(post(kChat, body).status, 200);
    EXPECT_THAT(sent(), AllOf(HasSubstr("THEIRS"), Not(HasSubstr("OURS"))));
    settings.system_prompts = {house("OURS")};
    set(settings);
    EXPECT_EQ(post(kChat, body).status, 200);
    EXPECT_THAT(sent(), HasSubstr(fmt::format(
                            R"([{{"role":"system","content":"OURS"}},{{"role":"{}")", role)));
    settings.system_prompts = {house("OURS", SystemPrompt::Mode::if_missing)};
    set(settings);
  }
}

TEST_F(TenantSettingsFlow, ItIsForItsModelsAndProjects) {
  Settings settings;
  settings.system_prompts = {
      {.name = "a", .text = "ONE", .models = {{"chat"}}, .projects = {}},
      {.name = "b", .text = "TWO", .models = {}, .projects = {{"elsewhere"}}},
      {.name = "c", .text = "THREE", .models = {{"script"}}, .projects = {{"default"}}}};
  set(settings);
  EXPECT_EQ(ask().status, 200);
  EXPECT_THAT(sent(), AllOf(HasSubstr("THREE"), Not(HasSubstr("ONE")), Not(HasSubstr("TWO"))));
}

TEST_F(TenantSettingsFlow, ItIsSaidOnceWhoeverAnswersInTheEnd) {
  catalog::Route route{.name = named("assistant"),
                       .versions = {{.model = named("chat"), .weight = 1}}};
  route.fallbacks = {{.name = named("script")}};
  gateway_.set_route(route);
  gateway_.engine_sim.set_faults({sim::parse_fault("status=500").value()});
  Settings settings;
  put(settings.defaults, temperature, kOne / 4);
  settings.system_prompts = {
      {.name = "a", .text = "HOUSE", .models = {{"assistant"}}, .projects = {}}};
  settings.disclaimer = " -- by a machine";
  set(settings);
  const Answer answer = ask("", "assistant");
  EXPECT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(count_text(sent(), "HOUSE"), 1U);
  EXPECT_EQ(count_text(sent(), R"("temperature":0.25)"), 1U);
  EXPECT_TRUE(answer.has(R"("content":"Hi! -- by a machine")")) << answer.body;
}

TEST_F(TenantSettingsFlow, ThePromptsDigestIsOfWhatTheEngineReads) {
  const auto digest = [&] {
    const auto line = std::ranges::find_if(gateway_.sink.lines, [](const std::string& one) {
      return one.contains(R"("prompt_digest")");
    });
    EXPECT_NE(line, gateway_.sink.lines.end());
    const std::string found = line == gateway_.sink.lines.end()
                                  ? ""
                                  : line->substr(line->find(R"("prompt_digest")") + 17, 64);
    gateway_.sink.lines.clear();
    return found;
  };
  ask();
  const std::string plain = digest();
  Settings settings;
  put(settings.defaults, temperature, kOne / 4);
  set(settings);
  ask();
  EXPECT_EQ(digest(), plain) << "values are no part of it";
  settings.system_prompts = {house("OURS")};
  set(settings);
  ask();
  const std::string with = digest();
  EXPECT_NE(with, plain);
  set({});
  post(kChat, R"({"model":"script","messages":[{"role":"system","content":"OURS"},)"
              R"({"role":"user","content":"hello"}]})");
  EXPECT_EQ(digest(), with);
}

// --- what goes behind the answer ----------------------------------------------------------------

TEST_F(TenantSettingsFlow, ADisclaimerStandsBehindTheContent) {
  Settings settings;
  settings.disclaimer = "\n-- made by a machine";
  set(settings);
  const Answer plain = ask();
  EXPECT_TRUE(plain.has(R"("content":"Hi!\n-- made by a machine")")) << plain.body;
  const Answer stream = ask(kStream);
  EXPECT_TRUE(stream.has(R"("delta":{"content":"\n-- made by a machine"},"finish_reason":null)"))
      << stream.body;
  EXPECT_EQ(stream.count("made by"), 1U);
  EXPECT_TRUE(stream.has("data: [DONE]"));
  ASSERT_TRUE(gateway_.settle());
  for (const RequestId id : gateway_.ledger.order)
    EXPECT_EQ(gateway_.ledger.records[id].settlement->counts.generated, 2) << "it is not charged";
  EXPECT_EQ(ask("", "script", "borealis").count("made by"), 0U);
  EXPECT_EQ(ask(R"(,"response_format":{"type":"json_object"})").count("made by"), 0U);
  EXPECT_EQ(ask(R"(,"stream":true,"response_format":{"type":"json_schema","json_schema":)"
                R"({"name":"a","schema":{"type":"object"}}})")
                .count("made by"),
            0U);
}

TEST_F(TenantSettingsFlow, NotWhenTheAnswerBreaksOff) {
  Settings settings;
  settings.disclaimer = "-- made by a machine";
  set(settings);
  const StreamScript whole = make_stream({"one", "two", "three"});
  gateway_.scripted.script = {.parts = {whole.bytes.substr(0, whole.token_ends[1] + 2)},
                              .end = Script::End::reset};
  const Answer broken = ask(kStream);
  EXPECT_TRUE(broken.has("two")) << broken.body;
  EXPECT_TRUE(broken.has(R"("error")"));
  EXPECT_FALSE(broken.has("made by")) << broken.body;
  // Nor when a limit ends it.
  set(settings, "borealis");
  for (const std::string_view tenant : {"aurora", "borealis"}) {
    gateway_.limit(gateway_.tenant_limit(tenant, Measure::output_tokens, Window::day, 20));
    const std::string_view more = tenant == "aurora" ? kStream : "";
    const Answer cut = post(kChat, chat_body("[[sim:tokens=500]]", more, "chat"), tenant);
    EXPECT_EQ(cut.status, 200) << cut.body;
    EXPECT_TRUE(cut.has("sm_limit")) << cut.body;
    EXPECT_FALSE(cut.has("made by")) << cut.body;
  }
}

// What was set meanwhile does not make a repeat another request.
TEST_F(TenantSettingsFlow, ARepeatGetsItsAnswerWhateverIsSetMeanwhile) {
  gateway_.keep_answers();
  Settings settings;
  settings.disclaimer = " (1)";
  settings.system_prompts = {house("today is {{date}}")};
  set(settings);
  const Answer first = ask("", "script", "aurora", "idempotency-key: k1\r\n");
  EXPECT_TRUE(first.has("Hi! (1)")) << first.body;
  ASSERT_TRUE(gateway_.settle());
  gateway_.world.run_for(1s);
  settings.disclaimer = " (2)";
  put(settings.defaults, temperature, 0);
  set(settings);
  const std::size_t calls = gateway_.scripted.bodies.size();
  const Answer again = ask("", "script", "aurora", "idempotency-key: k1\r\n");
  EXPECT_EQ(again.status, 200) << again.body;
  EXPECT_TRUE(again.has("Hi! (1)")) << again.body;
  const Answer stream = ask(kStream, "script", "aurora", "idempotency-key: k1\r\n");
  EXPECT_EQ(stream.count("(1)"), 1U) << stream.body;
  EXPECT_EQ(stream.count("(2)"), 0U);
  EXPECT_EQ(gateway_.scripted.bodies.size(), calls);
}

// Who was answered, and has not heard it, is not told that he may not ask any more.
TEST_F(TenantSettingsFlow, ARepeatIsNotRefusedByWhatIsSetMeanwhile) {
  gateway_.keep_answers();
  constexpr std::string_view kKey = "idempotency-key: k1\r\n";
  constexpr std::string_view kMore = R"(,"max_tokens":100)";
  const Answer first = ask(kMore, "script", "aurora", kKey);
  EXPECT_EQ(first.status, 200) << first.body;
  ASSERT_TRUE(gateway_.settle());
  const std::size_t calls = gateway_.scripted.bodies.size();
  Settings lower;
  put(lower.maximums, max_tokens, 50 * kOne);
  Settings other;
  other.models = {named("chat")};
  for (const Settings& settings : {lower, other}) {
    set(settings);
    const Answer again = ask(kMore, "script", "aurora", kKey);
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(again.body, first.body);
    EXPECT_THAT(again.head,
                AllOf(HasSubstr("x-sm-idempotent-replay: true"), HasSubstr("x-sm-model: script")));
    EXPECT_TRUE(ask(std::string(kMore) + std::string(kStream), "script", "aurora", kKey)
                    .has("data: [DONE]"));
  }
  EXPECT_EQ(gateway_.scripted.bodies.size(), calls);
  EXPECT_EQ(gateway_.ledger.order.size(), 1U);
}

TEST_F(TenantSettingsFlow, WhatIsNoRepeatIsRefusedAsWithoutAKey) {
  gateway_.keep_answers();
  constexpr std::string_view kKey = "idempotency-key: k1\r\n";
  EXPECT_EQ(ask("", "script", "aurora", kKey).status, 200);
  ASSERT_TRUE(gateway_.settle());
  Settings settings;
  settings.models = {named("chat")};
  put(settings.maximums, max_tokens, 50 * kOne);
  set(settings);
  const Answer plain = ask("", "script");
  EXPECT_EQ(plain.status, 404);
  const Answer fresh = ask("", "script", "aurora", "idempotency-key: k2\r\n");
  EXPECT_EQ(fresh.status, 404);
  EXPECT_EQ(without_ids(fresh.body), without_ids(plain.body));
  const Answer another = ask(R"(,"max_tokens":7)", "script", "aurora", kKey);
  EXPECT_EQ(another.status, 404) << "another request by the same key";
  EXPECT_EQ(without_ids(another.body), without_ids(plain.body));
  EXPECT_EQ(ask(R"(,"max_tokens":51)", "chat", "aurora", "idempotency-key: k3\r\n").status, 400);
  EXPECT_EQ(ask(R"(,"max_tokens":50)", "chat", "aurora", "idempotency-key: k3\r\n").status, 200)
      << "the key of a refused request is free";
  gateway_.narrow_key("aurora", {named("chat")});
  EXPECT_EQ(ask("", "script", "aurora", kKey).status, 404) << "the key itself may not";
  gateway_.revoke("aurora");
  EXPECT_EQ(ask("", "chat", "aurora", "idempotency-key: k3\r\n").status, 401);
}

TEST_F(TenantSettingsFlow, NobodyElseNoticesThem) {
  const auto seen_by_borealis = [&] {
    const Answer plain = ask("", "script", "borealis");
    const std::string body = sent();
    const Answer stream = ask(kStream, "script", "borealis");
    return without_ids(plain.head + plain.body + stream.head + stream.body) + body + sent() +
           get("/v1/models", "borealis").body;
  };
  const std::string before = seen_by_borealis();
  Settings settings;
  settings.models = {named("script")};
  put(settings.defaults, temperature, 0);
  put(settings.maximums, max_tokens, kOne);
  settings.system_prompts = {house("OURS")};
  settings.disclaimer = "x";
  set(settings);
  EXPECT_EQ(ask().status, 200);
  EXPECT_EQ(seen_by_borealis(), before);
}

}  // namespace
}  // namespace sovmesh::flow

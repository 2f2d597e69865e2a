#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "config/load.h"
#include "config/values.h"

// Limits, prices, currencies, webhooks and the audit log in the configuration.
namespace sovmesh::config {
namespace {

using testing::HasSubstr;

constexpr const char* kEngine =
    "engines:\n  - {name: far, kind: remote, url: \"http://e/v1\"}\n"
    "models:\n  - {name: small, engine: far}\n";

class MeteringTest : public testing::Test {
 protected:
  static Loaded load(const std::string& yaml) {
    return load_text(yaml, [](std::string_view name) -> std::optional<std::string> {
      if (name == "SECRET") return "a secret of 16 or more";
      if (name == "SHORT") return "short";
      return "sm-key";
    });
  }
  static Config good(const std::string& yaml) {
    const Loaded loaded = load(yaml);
    EXPECT_TRUE(loaded.config) << to_text(loaded.findings);
    return loaded.config.value_or(Config{});
  }
  static std::string refusal(const std::string& yaml) {
    const Loaded loaded = load(yaml);
    EXPECT_FALSE(loaded.config) << yaml;
    return to_text(loaded.findings);
  }
  static std::string warnings(const std::string& yaml) {
    const Loaded loaded = load(yaml);
    EXPECT_TRUE(loaded.config) << to_text(loaded.findings);
    return to_text(loaded.findings);
  }
  // A limit of tenant aurora, in line 5.
  static std::string limited(const std::string& limit) {
    return "tenants:\n  - name: aurora\n    currency: DKK\n    limits:\n      - {" + limit + "}\n";
  }
  // A price of a model that exists, in line 6.
  static std::string priced(const std::string& price) {
    return kEngine + ("prices:\n  - {" + price + "}\n");
  }
};

TEST_F(MeteringTest, LimitsStandWithWhomTheyAreFor) {
  const Config config = good(
      "engines:\n  - {name: far, kind: remote, url: \"http://e/v1\"}\n"
      "models:\n  - {name: small, engine: far}\n"
      "tenants:\n"
      "  - name: aurora\n"
      "    time_zone: Europe/Copenhagen\n"
      "    currency: DKK\n"
      "    limits:\n"
      "      - {measure: money, window: month, amount: 250.00}\n"
      "    projects:\n"
      "      - name: web\n"
      "        cost_centre: \"4711\"\n"
      "        limits: [{measure: total_tokens, window: day, amount: 1000000, model: small}]\n"
      "    users:\n"
      "      - name: ann\n"
      "        limits: [{measure: concurrency, amount: 2}]\n"
      "    keys:\n"
      "      - name: app\n"
      "        secret: env:KEY\n"
      "        owner: ann\n"
      "        limits:\n"
      "          - {name: burst, measure: requests, window: minute, amount: 60, rolling: true,"
      " shadow: true}\n"
      "pools:\n"
      "  - name: gpus\n"
      "    engines: [far]\n"
      "    limits: [{measure: gpu_seconds, window: hour, amount: 0.000001}]\n");
  const Tenant& tenant = config.tenants[0];
  EXPECT_EQ(tenant.time_zone, "Europe/Copenhagen");
  EXPECT_EQ(tenant.currency, "DKK");
  EXPECT_EQ(tenant.limits[0].amount.micro(), 250'000'000);
  EXPECT_EQ(tenant.limits[0].window, "month");
  EXPECT_EQ(tenant.projects[0].cost_centre, "4711");
  EXPECT_EQ(tenant.projects[0].limits[0].amount.whole, 1'000'000);
  EXPECT_EQ(tenant.projects[0].limits[0].model, "small");
  EXPECT_EQ(tenant.users[0].limits[0].window, std::nullopt);
  EXPECT_EQ(tenant.keys[0].limits[0].name, "burst");
  EXPECT_TRUE(tenant.keys[0].limits[0].rolling && tenant.keys[0].limits[0].shadow);
  EXPECT_EQ(config.pools[0].limits[0].amount.micro(), 1);
}

TEST_F(MeteringTest, ATenantIsInUtcAndEuroUnlessItSaysOtherwise) {
  const Config config = good("tenants:\n  - name: aurora\n");
  EXPECT_EQ(config.tenants[0].time_zone, "UTC");
  EXPECT_EQ(config.tenants[0].currency, "EUR");
}

TEST_F(MeteringTest, PlacesOfATenantAreCheckedWhereTheyStand) {
  EXPECT_THAT(refusal("tenants:\n  - name: aurora\n    time_zone: \"not a zone\"\n"),
              HasSubstr("config.yaml:3:5: error: time_zone: want a zone of the IANA database"));
  EXPECT_THAT(refusal("tenants:\n  - name: aurora\n    time_zone: Copenhagen\n"),
              HasSubstr("there is no zone 'Copenhagen'; did you mean 'Europe/Copenhagen'?"));
  EXPECT_THAT(refusal("tenants:\n  - name: aurora\n    time_zone: europe/copenhagn\n"),
              HasSubstr("did you mean 'Europe/Copenhagen'?"));
  EXPECT_THAT(refusal("tenants:\n  - name: aurora\n    currency: eur\n"),
              HasSubstr("config.yaml:3:5: error: currency: want a currency as 3 capitals"));
  EXPECT_THAT(refusal("tenants:\n  - name: aurora\n    projects:\n      - name: web\n"
                      "        cost_centre: " +
                      std::string(65, 'x') + "\n"),
              HasSubstr("config.yaml:5:9: error: cost_centre: want at most 64 characters"));
}

TEST_F(MeteringTest, ALimitThatCannotTakeEffectIsAnError) {
  struct Case {
    const char* limit;
    const char* finding;
  };
  for (const Case& one : std::initializer_list<Case>{
           {"window: day, amount: 1", "limit needs 'measure' (requests, "},
           {"measure: requests, window: day", "limit needs 'amount'"},
           {"measure: requests, amount: 1", "limit needs 'window'"},
           {"measure: words, window: day, amount: 1", "'words' is not one of requests, "},
           {"measure: requests, window: year, amount: 1", "'year' is not one of second, "},
           {"measure: concurrency, window: day, amount: 1", "'window' has no effect: concurrency"},
           {"measure: concurrency, rolling: false, amount: 1", "'rolling' has no effect"},
           {"measure: requests, window: lifetime, rolling: true, amount: 1",
            "'rolling' has no effect: a lifetime never ends"},
           {"measure: requests, window: month, rolling: true, amount: 1", "months differ in len"},
           {"measure: requests, window: day, amount: 0", "amount: want more than 0"},
           {"measure: requests, window: day, amount: -1", "want a number such as 250 or 0.25"},
           {"measure: requests, window: day, amount: 1.5", "requests come as whole numbers"},
           {"measure: requests, window: day, amount: 1e6", "want a number such as 250 or 0.25"},
           {"measure: money, window: day, amount: 0.0000001", "with at most 6 decimals"},
           {"measure: money, window: day, amount: 1000000000.1", "want at most 1000000000, not"},
           {"measure: requests, window: day, amount: 1000000000000001", "want at most 100000"},
           {"measure: requests, window: day, amount: 1, model: \"a b\"", "model"},
           {"measure: requests, window: day, amount: 1, burst: 3", "unknown setting 'burst'"}}) {
    const std::string text = refusal(limited(one.limit));
    EXPECT_THAT(text, HasSubstr(one.finding)) << one.limit;
    EXPECT_THAT(text, HasSubstr("config.yaml:5:")) << one.limit;
  }
}

TEST_F(MeteringTest, TheSameLimitTwiceIsAnError) {
  const std::string one = "      - {measure: requests, window: day, amount: ";
  const std::string start = "tenants:\n  - name: aurora\n    limits:\n";
  EXPECT_THAT(refusal(start + one + "1}\n" + one + "2}\n"),
              HasSubstr("config.yaml:5:9: error: the same limit (requests per day) stands twice; "
                        "first at config.yaml:4:9"));
  EXPECT_TRUE(
      load(start + one + "1}\n" + one + "2, rolling: true}\n" + one + "3, model: m}\n").config);
  EXPECT_THAT(refusal(start + one + "1, name: n}\n" + one + "2, rolling: true, name: n}\n"),
              HasSubstr("limit 'n' stands twice; first at config.yaml:4:9"));
}

TEST_F(MeteringTest, WhatIsNeverReachedIsAWarning) {
  EXPECT_THAT(
      warnings(limited("measure: money, window: day, amount: 1")),
      HasSubstr("config.yaml:5:9: warning: no price is in DKK: the limit is never reached"));
  EXPECT_THAT(warnings(limited("measure: gpu_seconds, window: day, amount: 1")),
              HasSubstr("no price has 'gse': the limit is never reached"));
  EXPECT_THAT(warnings(limited("measure: requests, window: day, amount: 1, model: none")),
              HasSubstr("the limit names the model 'none', which this configuration does not"));
  EXPECT_THAT(warnings(priced("model: small, input: 1") + "tenants:\n  - {name: a-b, currency: "
                                                          "DKK}\n"),
              HasSubstr("no price is in the currency of tenant 'a-b' (DKK)"));
}

TEST_F(MeteringTest, AUserOwnsAKey) {
  const std::string keys = "    keys:\n      - {name: app, secret: env:KEY, owner: ann}\n";
  EXPECT_EQ(
      warnings("tenants:\n  - name: aurora\n    users: [{name: ann}, {name: \"*\"}]\n" + keys), "");
  EXPECT_THAT(warnings("tenants:\n  - name: aurora\n    users: [{name: bob}]\n" + keys),
              HasSubstr("config.yaml:3:13: warning: no key of the file has the owner 'bob'"));
  EXPECT_THAT(refusal("tenants:\n  - name: aurora\n    users: [{name: ann}, {name: ann}]\n" + keys),
              HasSubstr("user 'ann' stands twice; first at config.yaml:3:13"));
}

TEST_F(MeteringTest, APoolsEnginesAreItsOwn) {
  const std::string pools = kEngine + std::string("pools:\n");
  EXPECT_THAT(refusal(pools + "  - {name: a, engines: [far]}\n  - {name: b, engines: [far]}\n"),
              HasSubstr("config.yaml:7:15: error: the engine 'far' is in the pool 'a' already"));
  EXPECT_THAT(refusal(pools + "  - {name: a, engines: [far, far]}\n"),
              HasSubstr("names the engine 'far' twice"));
  EXPECT_THAT(refusal(pools + "  - {name: a, engines: []}\n"), HasSubstr("has no engines"));
  EXPECT_THAT(refusal(pools + "  - {name: A, engines: [far]}\n"), HasSubstr("a pool's name has"));
  EXPECT_THAT(refusal(pools + "  - {name: a, engines: [far]}\n  - {name: a, engines: [x]}\n"),
              HasSubstr("pool 'a' stands twice"));
  EXPECT_THAT(warnings(pools + "  - {name: a, engines: [later]}\n"),
              HasSubstr("names the engine 'later', which this configuration does not declare"));
  EXPECT_THAT(refusal(pools + "  - name: a\n    engines: [far]\n    limits:\n"
                              "      - {measure: money, window: day, amount: 1}\n"),
              HasSubstr("config.yaml:9:9: error: a pool has no limit of money"));
}

TEST_F(MeteringTest, PricesAreReadExactly) {
  const Config config = good(
      priced("model: small, currency: DKK, label: standard, from: 2027-01-01, per_call: 0.000001, "
             "input: 0.15, cached_input: 0.075, output: 0.60, characters: 1, "
             "concurrency_hour: 2.5, gpu_second: 0.0125, "
             "gse: {prompt_us: 12.5, cached_us: 0.001, output_us: 900}, "
             "energy: {watts: 700, pue: 1.2, g_co2e_per_kwh: 112}"));
  const Price& price = config.prices[0];
  EXPECT_EQ(price.per_call.micro(), 1);
  EXPECT_EQ(price.input.micro(), 150'000);
  EXPECT_EQ(price.cached_input->micro(), 75'000);
  EXPECT_EQ(price.output.micro(), 600'000);
  EXPECT_EQ(price.gpu_second.micro(), 12'500);
  EXPECT_EQ(price.gse->cached_us.micro(), 1'000);
  EXPECT_EQ(price.energy->watts, 700);
  EXPECT_EQ(price.energy->pue.micro(), 1'200'000);
  EXPECT_EQ(*parse_date_or_time(*price.from), *parse_date_or_time("2027-01-01T01:00:00+01:00"));
}

TEST_F(MeteringTest, APriceThatCannotTakeEffectIsAnError) {
  struct Case {
    const char* price;
    const char* finding;
  };
  for (const Case& one : std::initializer_list<Case>{
           {"model: smalt, input: 1",
            "names the model 'smalt', which this configuration does not "
            "declare; did you mean 'small'?"},
           {"model: quite-another, input: 1", "'api_model: true' says that the admin API makes it"},
           {"model: small, api_model: true, input: 1", "'api_model' has no effect"},
           {"model: small", "the price has no rate: write 'per_call: 0'"},
           {"model: small, gse: {prompt_us: 1, output_us: 1}", "the price has no rate"},
           {"model: small, currency: Dkk, input: 1", "currency: want a currency as 3 capitals"},
           {"model: small, input: 0.0000001", "with at most 6 decimals"},
           {"model: small, input: 9300000000000", "input: want at most 1000000000, not"},
           {"model: small, from: tomorrow, input: 1", "from: want 2027-01-01 or"},
           {"model: small, from: 2027-02-30, input: 1", "from: want 2027-01-01 or"},
           {"model: small, gpu_second: 1", "'gpu_second' has no effect: without 'gse'"},
           {"model: small, input: 1, energy: {watts: 1}", "'energy' has no effect: without 'gse'"},
           {"model: small, gse: {prompt_us: 1.0001, output_us: 1}", "prompt_us: want microseconds"},
           {"model: small, gse: {prompt_us: 1}", "gse needs 'output_us'"},
           {"model: small, input: 1, gse: {prompt_us: 1, output_us: 1}, energy: {watts: 9, pue: "
            "0.9}",
            "pue: want 1 to 100 with at most 3 decimals, not 0.9"},
           {"model: small, gse: {prompt_us: 1, output_us: 1}, energy: {watts: 0}",
            "watts: want a number from 1 to 100000"}}) {
    const std::string text = refusal(priced(one.price));
    EXPECT_THAT(text, HasSubstr(one.finding)) << one.price;
    EXPECT_THAT(text, HasSubstr("config.yaml:6:")) << one.price;
  }
  EXPECT_TRUE(load(priced("model: small, input: 0")).config) << "free on purpose";
  EXPECT_TRUE(load(priced("model: of-the-api, api_model: true, input: 1")).config);
  EXPECT_TRUE(load("engines:\n  - {name: far, kind: remote, url: \"http://e/v1\", "
                   "discover_models: true}\nprices: [{model: listed, input: 1}]\n")
                  .config);
}

TEST_F(MeteringTest, TwoPricesThatBeginTogetherAreAnError) {
  const auto two = [](const std::string& first, const std::string& second) {
    return priced("model: small, input: 1" + first) + "  - {model: small, input: 2" + second +
           "}\n";
  };
  EXPECT_THAT(refusal(two("", "")),
              HasSubstr("config.yaml:7:5: error: two prices of 'small' in EUR begin at the same "
                        "time; the other is at config.yaml:6:5"));
  EXPECT_THAT(refusal(two(", from: 2027-01-01", ", from: 2027-01-01T01:00:00+01:00")),
              HasSubstr("begin at the same time"));
  EXPECT_TRUE(load(two("", ", from: 2027-01-01")).config);
  EXPECT_TRUE(load(two("", ", currency: DKK")).config);
}

TEST_F(MeteringTest, AWebhookIsTlsOrOnThisMachineAndSigned) {
  const auto hook = [](const std::string& url, const std::string& secret = "env:SECRET") {
    return "webhooks:\n  budget_events: {url: \"" + url + "\", secret: " + secret + "}\n";
  };
  for (const char* url : {"https://hooks.example/x?y=1", "http://127.0.0.1:9/x", "http://[::1]:9",
                          "http://localhost", "https://hooks.example:8443"})
    EXPECT_EQ(good(hook(url)).webhooks.budget_events->url, url);
  for (const char* url :
       {"http://hooks.example/", "http://127.0.0.1.example/", "http://localhost.example/",
        "ftp://x", "https://", "https://user@hooks.example/", "https://hooks.example/a b",
        "https://:443/", "http://127.0.0.1@hooks.example/", "https://hooks.example/#x", ""})
    EXPECT_THAT(refusal(hook(url)), HasSubstr("config.yaml:2:18: error: url: want https")) << url;
  EXPECT_THAT(refusal(hook("https://h/", "env:SHORT")), HasSubstr("want at least 16 characters"));
  EXPECT_THAT(refusal(hook("https://h/", "in-clear")), HasSubstr("write file:PATH or env:NAME"));
  EXPECT_THAT(refusal("webhooks:\n  budget_events: {url: \"https://h/\"}\n"),
              HasSubstr("budget_events needs 'secret'"));
}

TEST_F(MeteringTest, WebhooksOfTheAdminApiGoOnlyWhereTheFileSays) {
  const auto allowed = [](const std::string& place) {
    return "webhooks:\n  allowed: [\"" + place + "\"]\n";
  };
  EXPECT_TRUE(good("tenants:\n  - name: aurora\n").webhooks.allowed.empty());
  for (const char* place : {"https://hooks.example", "https://hooks.example:8443/a/b/",
                            "http://127.0.0.1:9000/x/", "http://localhost:9000"})
    EXPECT_THAT(good(allowed(place)).webhooks.allowed, testing::ElementsAre(place));
  for (const char* place :
       {"hooks.example", "http://hooks.example", "https://*.hooks.example", "https://h/a?b=c",
        "https://h/../a", "https://h/a/.", "https://h//a", "https://h/%2e", "https://user@h", ""})
    EXPECT_THAT(refusal(allowed(place)), HasSubstr("allowed: want https")) << place;
}

TEST_F(MeteringTest, ATenantMayHaveItsAnswersKept) {
  const auto replay = [](const std::string& settings) {
    return "tenants:\n  - name: aurora\n    replay: {" + settings + "}\n";
  };
  const Config config = good(replay("ttl: 30m, bytes_max: 100000"));
  ASSERT_TRUE(config.tenants[0].replay);
  EXPECT_EQ(config.tenants[0].replay->ttl, std::chrono::minutes(30));
  EXPECT_EQ(config.tenants[0].replay->bytes_max, 100'000);
  EXPECT_EQ(good(replay("")).tenants[0].replay->ttl, std::chrono::hours(1));
  EXPECT_FALSE(good("tenants:\n  - name: aurora\n").tenants[0].replay);
  EXPECT_THAT(refusal(replay("ttl: 25h")), HasSubstr("config.yaml:3:19: error: ttl: want at most"));
  EXPECT_THAT(refusal(replay("bytes_max: 0")), HasSubstr("bytes_max: want"));
  EXPECT_THAT(refusal(replay("keep: 1h")), HasSubstr("keep"));
}

TEST_F(MeteringTest, TheAuditLogHasANameForSignedNotes) {
  const Config config =
      good("audit: {origin: ai.aurora.example/one, site: north, keep_days: 30}\n");
  EXPECT_TRUE(config.audit.enabled);
  EXPECT_EQ(config.audit.origin, "ai.aurora.example/one");
  EXPECT_EQ(config.audit.keep_days, 30);
  for (const char* origin : {"", "two words", "a+b", "a\\nb"}) {
    EXPECT_THAT(refusal("audit:\n  origin: \"" + std::string(origin) + "\"\n"),
                HasSubstr("config.yaml:2:3: error: origin: want"));
  }
  EXPECT_THAT(refusal("audit:\n  export_path: worm\n"), HasSubstr("want an absolute path"));
  EXPECT_THAT(
      refusal("audit:\n  enabled: false\n  fail_closed: false\n"),
      HasSubstr("config.yaml:3:3: error: 'fail_closed' has no effect: the audit log is off"));
  EXPECT_THAT(refusal("audit: {site: " + std::string(65, 'x') + "}\n"),
              HasSubstr("site: want at most 64 bytes"))
      << "what an entry holds";
  EXPECT_THAT(refusal("audit: {checkpoint_interval: 10ms}\n"), HasSubstr("checkpoint_interval"));
  EXPECT_THAT(refusal("ledger: {keep_days: 0}\n"), HasSubstr("want a number from 1 to 36500"));
}

TEST_F(MeteringTest, PlacesAreTextThatEverybodySees) {
  EXPECT_EQ(good("audit: {site: \"K\\u00f8benhavn \\u4e2d\"}\n").audit.site, "København 中");
  for (const std::string text : {" ", "\\t", "DK ", " DK", "D\\u202eK", "D\\u200bK", "\\u00a0",
                                 "\\u3000", "\\u0085", "\\u2066DK", "\\ufeffDK", "D\\U000e0041K"}) {
    EXPECT_THAT(refusal("audit: {jurisdiction: \"" + text + "\"}\n"),
                HasSubstr("config.yaml:1:9: error: jurisdiction: want printable characters"))
        << text;
  }
}

TEST_F(MeteringTest, TheLedgerIsNotVerifiedWithoutAPause) {
  EXPECT_EQ(good("ledger: {verify_every: 10s}\n").ledger.verify_every, std::chrono::seconds(10));
  EXPECT_EQ(good("ledger: {verify_every: 0s}\n").ledger.verify_every.count(), 0);
  for (const char* const text : {"1ms", "9s"}) {
    EXPECT_THAT(refusal(std::string("ledger: {verify_every: ") + text + "}\n"),
                HasSubstr("config.yaml:1:10: error: verify_every: want 10s or more"));
  }
}

TEST_F(MeteringTest, EnginesHaveAPlaceAndModelsADigest) {
  const std::string hex(64, 'a');
  const auto engine = [](const std::string& more) {
    return "engines:\n  - {name: far, kind: remote, url: \"http://h/v1\"" + more + "}\n";
  };
  const auto model = [&](const std::string& more) {
    return engine("") + "models:\n  - {name: small, engine: far" + more + "}\n";
  };
  const Config config = good(engine(", site: Kiruna, jurisdiction: SE") +
                             "models: [{name: small, engine: far, digest: " + hex + "}]\n");
  EXPECT_EQ(config.engines.front().site, "Kiruna");
  EXPECT_EQ(config.engines.front().jurisdiction, "SE");
  EXPECT_EQ(config.models.front().digest, hex);
  EXPECT_THAT(refusal(engine(", site: " + std::string(65, 'x'))),
              HasSubstr("config.yaml:2:51: error: site: want at most 64 bytes"));
  EXPECT_THAT(refusal(engine(", site: here") + "audit: {enabled: false}\n"),
              HasSubstr("'site' has no effect: the audit log is off"));
  EXPECT_THAT(refusal(model(", digest: sha256")), HasSubstr("digest: want 64 of 0-9 and a-f"));
  EXPECT_THAT(refusal("engines: [{name: tiny, kind: managed, model_file: a.gguf}]\n"
                      "models: [{name: small, engine: tiny, digest: " +
                      hex + "}]\n"),
              HasSubstr("the gateway hashes the files of a managed engine"));
}

TEST_F(MeteringTest, CheckpointsGoToAWebhookAsBudgetsDo) {
  const auto hook = [](const std::string& url) {
    return "webhooks:\n  audit_checkpoints: {url: \"" + url + "\", secret: env:SECRET}\n";
  };
  EXPECT_EQ(good(hook("https://h/")).webhooks.audit_checkpoints->url, "https://h/");
  EXPECT_THAT(refusal(hook("ftp://h/")), HasSubstr("config.yaml:2:22: error: url"));
  EXPECT_THAT(refusal(hook("https://h/") + "audit: {enabled: false}\n"),
              HasSubstr("'audit_checkpoints' has no effect: the audit log is off"));
  EXPECT_THAT(refusal("webhooks:\n  audit_checkpoints: {url: \"https://h/\"}\n"),
              HasSubstr("audit_checkpoints needs 'secret'"));
}

TEST_F(MeteringTest, RolloutsTellAWebhookAsBudgetsDo) {
  const auto hook = [](const std::string& url) {
    return "webhooks:\n  rollout_events: {url: \"" + url + "\", secret: env:SECRET}\n";
  };
  EXPECT_EQ(good(hook("https://h/")).webhooks.rollout_events->url, "https://h/");
  EXPECT_THAT(refusal(hook("http://h/")), HasSubstr("config.yaml:2:19: error: url"));
  EXPECT_THAT(refusal("webhooks:\n  rollout_events: {url: \"https://h/\"}\n"),
              HasSubstr("rollout_events needs 'secret'"));
}

TEST_F(MeteringTest, SettingsOfAuditAndLedgerComeFromTheEnvironmentToo) {
  const auto environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "OPENAI_BASE_URL") return "http://127.0.0.1:9/v1";
    if (name == "SM_AUDIT_SITE") return "north";
    if (name == "SM_LEDGER_KEEP_DAYS") return "7";
    return std::nullopt;
  };
  const Loaded loaded = from_environment(environment, {"SM_AUDIT_SITE", "SM_LEDGER_KEEP_DAYS"});
  ASSERT_TRUE(loaded.config) << to_text(loaded.findings);
  EXPECT_EQ(loaded.config->audit.site, "north");
  EXPECT_EQ(loaded.config->ledger.keep_days, 7);
  EXPECT_THAT(to_text(from_environment(environment, {"SM_AUDIT_SIGHT"}).findings),
              HasSubstr("did you mean SM_AUDIT_SITE?"));
}

TEST_F(MeteringTest, LimitsAndPricesChangeWithoutARestartAuditAndWebhooksDoNot) {
  const auto before = fixed_parts(good(kEngine));
  EXPECT_EQ(fixed_parts(good(priced("model: small, input: 1") +
                             limited("measure: requests, window: day, amount: 1"))),
            before);
  for (const auto& [name, yaml] : std::map<std::string, std::string>{
           {"audit", "audit: {site: north}\n"},
           {"ledger", "ledger: {keep_days: 7}\n"},
           {"webhooks",
            "webhooks:\n  rollout_events: {url: \"https://h/\", secret: env:SECRET}\n"}}) {
    const auto after = fixed_parts(good(kEngine + yaml));
    EXPECT_NE(after.at(name), before.at(name));
    EXPECT_EQ(after.at("engines"), before.at("engines"));
  }
}

TEST_F(MeteringTest, AModelHasOneEngineOrReplicasOfOnePool) {
  const std::string engines =
      "engines:\n  - {name: a, kind: remote, url: \"http://a/v1\"}\n"
      "  - {name: b, kind: remote, url: \"http://b/v1\"}\n"
      "models:\n";
  const Config config = good(engines + "  - {name: small, engines: [a, b]}\n");
  EXPECT_THAT(engines_of(config.models[0]), testing::ElementsAre("a", "b"));
  EXPECT_THAT(refusal(engines + "  - {name: small}\n"),
              HasSubstr("config.yaml:5:5: error: model 'small' needs 'engine' or 'engines'"));
  EXPECT_THAT(refusal(engines + "  - {name: small, engine: a, engines: [a, b]}\n"),
              HasSubstr("config.yaml:5:30: error: want 'engine' or 'engines', not both"));
  EXPECT_THAT(refusal(engines + "  - {name: small, engines: [a, a]}\n"),
              HasSubstr("the engine 'a' stands twice"));
  EXPECT_THAT(refusal(engines + "  - {name: small, engines: [a, c]}\n"),
              HasSubstr("model 'small' names the engine 'c', which does not exist"));
  EXPECT_THAT(
      refusal(engines + "  - {name: small, engines: [a, b]}\npools: [{name: p, engines: [b]}]\n"),
      HasSubstr(
          "config.yaml:5:19: error: the engines of model 'small' are not in one pool: 'a' and "
          "'b'"));
}

TEST_F(MeteringTest, MembersOfAPoolHaveTheirShares) {
  const std::string pool = kEngine + std::string(
                                         "tenants: [{name: aurora}, {name: borealis}]\n"
                                         "pools:\n  - name: p\n    engines: [far]\n");
  const Config config =
      good(pool +
           "    capacity: 4\n    locality_window: 50ms\n    batch_share: 5\n"
           "    cohorts: [{name: east, guaranteed: 2}]\n"
           "    members:\n"
           "      - {tenant: aurora, cohort: east, guaranteed: 1.5, lending_limit: 1, weight: 3}\n"
           "      - {tenant: aurora, project: web, concurrency_max: 8, user_concurrency_max: 2}\n");
  const Pool& p = config.pools[0];
  EXPECT_EQ(p.capacity->whole, 4);
  EXPECT_EQ(p.locality_window, std::chrono::milliseconds(50));
  EXPECT_EQ(p.members[0].guaranteed.millionths, 500'000);
  EXPECT_EQ(p.members[0].weight.whole, 3);
  EXPECT_FALSE(p.members[0].borrowing_limit);
  EXPECT_EQ(p.members[1].concurrency_max, 8);
  EXPECT_THAT(refusal(pool + "    members: [{tenant: aurora, cohort: west}]\n"),
              HasSubstr("config.yaml:9:32: error: pool 'p' has no cohort 'west'"));
  EXPECT_THAT(refusal(pool + "    members:\n      - {tenant: aurora}\n      - {tenant: aurora}\n"),
              HasSubstr("config.yaml:11:9: error: tenant 'aurora' stands twice; first at "
                        "config.yaml:10:9"));
  EXPECT_THAT(refusal(pool + "    members: [{tenant: aurora, project: w, cohort: east}]\n    "
                             "cohorts: [{name: east}]\n"),
              HasSubstr("'cohort' has no effect: a project is where its tenant is"));
  EXPECT_THAT(refusal(pool + "    interactive_share: 90\n"),
              HasSubstr("the shares of classes in pool 'p' are more than 100 %"));
  EXPECT_THAT(warnings(pool + "    members: [{tenant: other}]\n"),
              HasSubstr("does not declare the tenant 'other'"));
}

// None of them would do what it seems to say.
TEST_F(MeteringTest, AReclaimThatWouldNeverComeIsRefused) {
  const std::string pool = kEngine + std::string("pools:\n  - name: p\n    engines: [far]\n");
  EXPECT_THAT(refusal(pool + "    reclaim_after: 8760h\n"), HasSubstr("reclaim_after"));
  EXPECT_THAT(refusal(pool + "    reclaim_after: 0s\n"), HasSubstr("reclaim_after"));
  EXPECT_THAT(refusal(pool + "    borrower_tokens_max: 0\n"), HasSubstr("borrower_tokens_max"));
}

TEST_F(MeteringTest, TargetsOfAPoolNeedATimeToTheFirstToken) {
  const std::string pool = kEngine + std::string("pools:\n  - name: p\n    engines: [far]\n");
  EXPECT_THAT(refusal(pool + "    targets: {per_token: 60ms}\n"), HasSubstr("first_token"));
  EXPECT_THAT(refusal(pool + "    targets: {first_token: 50ms}\n"), HasSubstr("first_token"));
  EXPECT_THAT(refusal(pool + "    targets: {first_token: 2s, per_token: 0s}\n"),
              HasSubstr("per_token"));
}

TEST_F(MeteringTest, MembersChangeLiveButNotWhichEnginesAPoolHas) {
  const std::string pool = kEngine + std::string("pools:\n  - name: p\n    engines: [far]\n");
  const auto before = fixed_parts(good(pool));
  EXPECT_EQ(fixed_parts(good(pool + "    members: [{tenant: other}]\n    capacity: 3\n")), before);
  EXPECT_NE(fixed_parts(good(pool + "    locality_window: 1s\n")), before);
  EXPECT_NE(fixed_parts(good(pool + "    reclaim_after: 2s\n")), before);
  const auto targets = fixed_parts(good(pool + "    targets: {first_token: 2s}\n"));
  EXPECT_NE(targets, before);
  EXPECT_NE(fixed_parts(good(pool + "    targets: {first_token: 2s, per_token: 30ms}\n")), targets);
  EXPECT_NE(fixed_parts(good(pool + "    borrower_tokens_max: 64\n")), before);
  EXPECT_NE(fixed_parts(good(kEngine)), before);
}

TEST(Documents, TheReferenceInTheRepositoryIsTheOneThatIsWritten) {
  std::ifstream file(std::filesystem::path(SM_SOURCE_DIR) / "docs/configuration.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_TRUE(text == reference_markdown()) << "sovmesh config reference > docs/configuration.md";
}

TEST(Documents, TheSchemaSaysWhatALimitNeeds) {
  const std::string schema = json_schema();
  EXPECT_THAT(schema, HasSubstr("\"gpu_seconds\""));
  EXPECT_THAT(schema, HasSubstr("\"required\": [\n            \"url\",\n            \"secret\""));
  EXPECT_THAT(schema, HasSubstr("\"budget_events\""));
}

}  // namespace
}  // namespace sovmesh::config

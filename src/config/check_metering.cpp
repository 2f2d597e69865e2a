// What limits, prices, currencies, webhooks and the audit log must keep to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/bytes.h"
#include "base/ids.h"
#include "config/read.h"
#include "config/values.h"

namespace sovmesh::config {
namespace {

constexpr std::size_t kCostCentreMax = 64;
constexpr std::size_t kNameMax = 128;  // of users, limits and prices
constexpr std::size_t kPoolNameMax = 40;
constexpr std::size_t kOriginMax = 200;
constexpr std::size_t kPlaceMax = 64;  // of an audit entry's site and jurisdiction
constexpr std::size_t kWitnessesMax = 16;
constexpr std::chrono::seconds kVerifyEveryMin{10};  // a check reads the whole ledger
constexpr std::size_t kWebhookSecretMin = 16;
constexpr std::size_t kWebhookPlacesMax = 100;
// In tokens, millionths of money or microseconds: what a limiter counts with (limits::kAmountMax).
constexpr std::int64_t kAmountMax = 1'000'000'000'000'000;
constexpr std::string_view kEachUser = "*";
constexpr std::int32_t kThousandth = 1'000;       // in millionths
constexpr std::int64_t kRateMax = 1'000'000'000;  // units of money, microseconds: PriceTerms

bool is_plain(std::string_view text, std::size_t bytes_max) {
  return text.size() <= bytes_max && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

// Characters that show nothing, look like a space, or change how the text around them is shown.
constexpr auto kUnseen = std::to_array<std::pair<char32_t, char32_t>>({{0x00, 0x1f},
                                                                       {0x7f, 0xa0},
                                                                       {0xad, 0xad},
                                                                       {0x61c, 0x61c},
                                                                       {0x1680, 0x1680},
                                                                       {0x180e, 0x180e},
                                                                       {0x2000, 0x200f},
                                                                       {0x2028, 0x202f},
                                                                       {0x205f, 0x206f},
                                                                       {0x3000, 0x3000},
                                                                       {0xfeff, 0xfeff},
                                                                       {0xfff9, 0xfffb},
                                                                       {0xe0000, 0xe007f}});

// Of valid UTF-8.
std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0xf0)
      out += byte & 0x07U;
    else if (byte >= 0xe0)
      out += byte & 0x0fU;
    else if (byte >= 0xc0)
      out += byte & 0x1fU;
    else if (byte >= 0x80)
      out.back() = out.back() << 6U | (byte & 0x3fU);
    else
      out += byte;
  }
  return out;
}

// What everybody who reads it sees, without blanks around it.
bool is_printable(std::string_view text) {
  if (text.starts_with(' ') || text.ends_with(' ') || !is_valid_utf8(text)) return false;
  return std::ranges::none_of(code_points(text), [](char32_t c) {
    return std::ranges::any_of(
        kUnseen, [c](const auto& range) { return c >= range.first && c <= range.second; });
  });
}

// Where a setting stands; else the object that does not have it.
template <class Object>
const Position& place(const Object& object, std::string_view setting) {
  const Position* at = object.given.find(setting);
  return at != nullptr ? *at : object.position;
}

class MeteringChecker {
 public:
  MeteringChecker(const Config& config, std::vector<Finding>& findings)
      : config_(config), findings_(findings) {}

  void run() {
    for (const Tenant& tenant : config_.tenants)
      check_tenant(tenant);
    for (const Pool& pool : config_.pools)
      check_pool(pool);
    for (const Model& model : config_.models)
      check_one_pool(model);
    for (const Price& price : config_.prices)
      check_price(price);
    check_webhooks();
    check_audit();
    check_ledger();
  }

 private:
  void error(const Position& at, std::string message) {
    findings_.push_back({.position = at, .message = std::move(message)});
  }
  void warning(const Position& at, std::string message) {
    findings_.push_back({.position = at, .message = std::move(message), .is_error = false});
  }
  void pointless(const Given& given, std::string_view setting, std::string_view why) {
    if (const Position* at = given.find(setting); at != nullptr)
      error(*at, fmt::format("'{}' has no effect: {}", setting, why));
  }
  void check(const Result<void>& fits, const Position& at, std::string_view setting) {
    if (!fits) error(at, fmt::format("{}: {}", setting, fits.error().message()));
  }

  void check_tenant(const Tenant& tenant) {
    check(check_time_zone(tenant.time_zone), place(tenant, "time_zone"), "time_zone");
    check(check_currency(tenant.currency), place(tenant, "currency"), "currency");
    check_prices_of(tenant);
    check_limits(tenant.limits, &tenant);
    for (const Project& project : tenant.projects) {
      if (!is_plain(project.cost_centre, kCostCentreMax)) {
        error(place(project, "cost_centre"),
              fmt::format("cost_centre: want at most {} characters on one line", kCostCentreMax));
      }
      check_limits(project.limits, &tenant);
    }
    for (const User& user : tenant.users)
      check_user(user, tenant);
    for (const Key& key : tenant.keys)
      check_limits(key.limits, &tenant);
  }

  void check_user(const User& user, const Tenant& tenant) {
    if (user.name.empty() || !is_plain(user.name, kNameMax))
      error(user.position, fmt::format("a user's name has 1 to {} characters", kNameMax));
    const auto first = std::ranges::find(tenant.users, user.name, &User::name);
    if (&*first != &user) {
      error(user.position,
            fmt::format("user '{}' stands twice; first at {}", user.name, first->position.text()));
    }
    if (user.name != kEachUser &&
        std::ranges::find(tenant.keys, user.name, &Key::owner) == tenant.keys.end()) {
      warning(user.position, fmt::format("no key of the file has the owner '{}'", user.name));
    }
    check_limits(user.limits, &tenant);
  }

  // Somebody who prices models in krone will not want a tenant that is billed in euro by default.
  void check_prices_of(const Tenant& tenant) {
    const bool is_priced = config_.prices.empty() ||
                           std::ranges::find(config_.prices, tenant.currency, &Price::currency) !=
                               config_.prices.end();
    if (is_priced) return;
    warning(tenant.position, fmt::format("no price is in the currency of tenant '{}' ({}): all of "
                                         "its usage is unpriced",
                                         tenant.name, tenant.currency));
  }

  // `tenant`: whose currency counts; nothing for pools.
  void check_limits(const std::vector<Limit>& limits, const Tenant* tenant) {
    using Same = std::tuple<std::string, std::string, bool, std::string>;
    std::map<Same, const Limit*> seen;
    for (const Limit& limit : limits) {
      check_limit(limit, tenant);
      const auto [first, fresh] = seen.try_emplace(
          {limit.measure, limit.window.value_or(""), limit.rolling, limit.model.value_or("")},
          &limit);
      if (fresh) continue;
      error(limit.position, fmt::format("the same limit ({}{}) stands twice; first at {}",
                                        limit.measure, limit.window ? " per " + *limit.window : "",
                                        first->second->position.text()));
    }
  }

  void check_limit(const Limit& limit, const Tenant* tenant) {
    check_name(limit);
    if (limit.measure == "concurrency") {
      pointless(limit.given, "window", "concurrency is counted at every moment");
      pointless(limit.given, "rolling", "concurrency is counted at every moment");
    } else if (!limit.window) {
      error(limit.position, "limit needs 'window' (second, minute, hour, day, month, lifetime)");
    } else if (limit.rolling && (*limit.window == "lifetime" || *limit.window == "month")) {
      error(place(limit, "rolling"),
            *limit.window == "month"
                ? "rolling: months differ in length: want second, minute, hour or day"
                : "'rolling' has no effect: a lifetime never ends");
    }
    check_amount(limit);
    if (limit.measure == "money") check_money(limit, tenant);
    if (limit.measure == "gpu_seconds" && std::ranges::none_of(config_.prices, &has_gse)) {
      warning(limit.position, "no price has 'gse': the limit is never reached");
    }
    if (limit.model) check_model_of_limit(limit);
  }

  // Names are labels of metrics: one for each.
  void check_name(const Limit& limit) {
    if (limit.name.empty()) return;
    if (!is_plain(limit.name, kNameMax))
      error(place(limit, "name"), fmt::format("name: want at most {} characters", kNameMax));
    const auto [first, fresh] = limit_names_.try_emplace(limit.name, &limit);
    if (fresh) return;
    error(place(limit, "name"), fmt::format("limit '{}' stands twice; first at {}", limit.name,
                                            first->second->position.text()));
  }

  static bool has_gse(const Price& price) { return price.gse.has_value(); }

  void check_amount(const Limit& limit) {
    const bool is_exact = limit.measure == "money" || limit.measure == "gpu_seconds";
    const Position& at = place(limit, "amount");
    if (limit.amount.is_zero()) {
      error(at, "amount: want more than 0 (to withhold a model, leave it out of the key's models)");
    } else if (!is_exact && limit.amount.millionths != 0) {
      error(at, fmt::format("amount: {} come as whole numbers, not {}", limit.measure,
                            to_text(limit.amount)));
    } else if ((is_exact ? limit.amount.micro().value_or(kAmountMax + 1) : limit.amount.whole) >
               kAmountMax) {
      error(at, fmt::format("amount: want at most {}, not {}",
                            is_exact ? kAmountMax / Decimal::kMicro : kAmountMax,
                            to_text(limit.amount)));
    }
  }

  void check_money(const Limit& limit, const Tenant* tenant) {
    if (tenant == nullptr) {
      error(limit.position, "a pool has no limit of money: its tenants' currencies may differ");
      return;
    }
    if (std::ranges::find(config_.prices, tenant->currency, &Price::currency) ==
        config_.prices.end()) {
      warning(limit.position,
              fmt::format("no price is in {}: the limit is never reached", tenant->currency));
    }
  }

  bool is_declared(const std::string& model) const {
    return std::ranges::find(config_.models, model, &Model::name) != config_.models.end() ||
           std::ranges::find(config_.routes, model, &Route::name) != config_.routes.end();
  }
  bool may_be_listed() const {
    return std::ranges::any_of(config_.engines, &Engine::discover_models);
  }

  // A model may also come from the admin API or from an engine's own list.
  void check_model_of_limit(const Limit& limit) {
    const Result<ModelName> name = ModelName::parse(*limit.model);
    if (!name) {
      error(place(limit, "model"), name.error().message());
    } else if (!is_declared(*limit.model) && !may_be_listed()) {
      warning(place(limit, "model"),
              fmt::format("the limit names the model '{}', which this configuration does not "
                          "declare",
                          *limit.model));
    }
  }

  void check_pool(const Pool& pool) {
    const auto first = std::ranges::find(config_.pools, pool.name, &Pool::name);
    if (&*first != &pool) {
      error(pool.position,
            fmt::format("pool '{}' stands twice; first at {}", pool.name, first->position.text()));
    }
    const bool fits = !pool.name.empty() && pool.name.size() <= kPoolNameMax &&
                      std::ranges::all_of(pool.name, [](char c) {
                        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
                      });
    if (!fits) {
      error(place(pool, "name"), fmt::format("a pool's name has 1 to {} characters of a-z, 0-9 and "
                                             "'-', not '{}'",
                                             kPoolNameMax, pool.name));
    }
    if (pool.engines.empty())
      error(place(pool, "engines"), fmt::format("pool '{}' has no engines", pool.name));
    for (const std::string& engine : pool.engines)
      check_engine_of_pool(engine, pool);
    check_limits(pool.limits, nullptr);
    check_shares(pool);
  }

  void check_shares(const Pool& pool) {
    if (pool.interactive_share + pool.agent_share + pool.batch_share > 100) {
      error(pool.position,
            fmt::format("the shares of classes in pool '{}' are more than 100 %", pool.name));
    }
    const auto is_cohort = [&](const std::string& name) {
      return std::ranges::find(pool.cohorts, name, &Cohort::name) != pool.cohorts.end();
    };
    const auto check_cohort = [&](const auto& part) {
      if (part.cohort.empty() || is_cohort(part.cohort)) return;
      error(place(part, "cohort"),
            fmt::format("pool '{}' has no cohort '{}'", pool.name, part.cohort));
    };
    std::map<std::pair<std::string, std::string>, const Position*> seen;
    const auto once = [&](const std::string& kind, const std::string& name, const Position& at) {
      const auto [first, fresh] = seen.try_emplace({kind, name}, &at);
      if (!fresh)
        error(at,
              fmt::format("{} '{}' stands twice; first at {}", kind, name, first->second->text()));
    };
    for (const Cohort& cohort : pool.cohorts) {
      once("cohort", cohort.name, cohort.position);
      check_cohort(cohort);
    }
    for (const Member& member : pool.members) {
      const bool is_tenant = member.project.empty();
      once(is_tenant ? "tenant" : "project of tenant '" + member.tenant + "'",
           is_tenant ? member.tenant : member.project, member.position);
      check_cohort(member);
      check_member(member);
    }
  }

  // The admin API may make tenants and projects, too.
  void check_member(const Member& member) {
    const auto tenant = std::ranges::find(config_.tenants, member.tenant, &Tenant::name);
    if (const auto slug = TenantSlug::parse(member.tenant); !slug) {
      error(place(member, "tenant"), slug.error().message());
    } else if (tenant == config_.tenants.end()) {
      warning(place(member, "tenant"),
              fmt::format("this configuration does not declare the tenant '{}'", member.tenant));
    }
    if (member.project.empty()) return;
    if (const auto slug = ProjectSlug::parse(member.project); !slug)
      error(place(member, "project"), slug.error().message());
    pointless(member.given, "cohort", "a project is where its tenant is");
  }

  // Where requests wait for any of several engines, they wait in one queue.
  void check_one_pool(const Model& model) {
    const auto pool_of = [&](const std::string& engine) {
      const auto found = pool_of_engine_.find(engine);
      return found == pool_of_engine_.end() ? nullptr : found->second;
    };
    const std::vector<std::string> engines = engines_of(model);
    const auto other = std::ranges::find_if(engines, [&](const std::string& engine) {
      return pool_of(engine) != pool_of(engines.front());
    });
    if (other == engines.end()) return;
    error(place(model, "engines"),
          fmt::format("the engines of model '{}' are not in one pool: '{}' and '{}'", model.name,
                      engines.front(), *other));
  }

  void check_engine_of_pool(const std::string& engine, const Pool& pool) {
    const auto [other, fresh] = pool_of_engine_.try_emplace(engine, &pool);
    if (!fresh) {
      error(place(pool, "engines"),
            other->second == &pool
                ? fmt::format("pool '{}' names the engine '{}' twice", pool.name, engine)
                : fmt::format("the engine '{}' is in the pool '{}' already ({})", engine,
                              other->second->name, other->second->position.text()));
    }
    if (std::ranges::find(config_.engines, engine, &Engine::name) == config_.engines.end()) {
      warning(place(pool, "engines"),
              fmt::format("pool '{}' names the engine '{}', which this configuration does not "
                          "declare: it counts once the admin API has made it",
                          pool.name, engine));
    }
  }

  void check_price(const Price& price) {
    check(check_currency(price.currency), place(price, "currency"), "currency");
    if (!is_plain(price.label, kNameMax))
      error(place(price, "label"), fmt::format("label: want at most {} characters", kNameMax));
    check_model_of_price(price);
    check_from(price);
    for (const auto& [name, rate] : rates(price)) {
      if (*rate > Decimal{.whole = kRateMax}) {
        error(place(price, name),
              fmt::format("{}: want at most {}, not {}", name, kRateMax, to_text(*rate)));
      }
    }
    check_gse(price);
    const auto is_given = [&](const auto& rate) { return price.given.find(rate.first) != nullptr; };
    if (std::ranges::none_of(rates(price), is_given)) {
      error(price.position,
            "the price has no rate: write 'per_call: 0' for what is free on purpose");
    }
  }

  static std::vector<std::pair<std::string_view, const Decimal*>> rates(const Price& price) {
    return {{"per_call", &price.per_call},
            {"input", &price.input},
            {"cached_input", price.cached_input ? &*price.cached_input : &price.input},
            {"output", &price.output},
            {"characters", &price.characters},
            {"concurrency_hour", &price.concurrency_hour},
            {"gpu_second", &price.gpu_second}};
  }

  void check_model_of_price(const Price& price) {
    const Result<ModelName> name = ModelName::parse(price.model);
    const Position& at = place(price, "model");
    if (!name) {
      error(at, name.error().message());
    } else if (is_declared(price.model)) {
      pointless(price.given, "api_model", "this configuration declares the model");
    } else if (!price.api_model && !may_be_listed()) {
      std::vector<std::string_view> known;
      for (const Model& model : config_.models)
        known.emplace_back(model.name);
      for (const Route& route : config_.routes)
        known.emplace_back(route.name);
      const std::string_view hint = closest(price.model, known);
      error(at, fmt::format("the price names the model '{}', which this configuration does not "
                            "declare; {}",
                            price.model,
                            hint.empty() ? "'api_model: true' says that the admin API makes it"
                                         : fmt::format("did you mean '{}'?", hint)));
    }
  }

  void check_from(const Price& price) {
    const auto from = price.from ? parse_date_or_time(*price.from) : std::nullopt;
    if (price.from && !from) {
      error(
          place(price, "from"),
          fmt::format("from: want 2027-01-01 or 2027-01-01T00:00:00+01:00, not '{}'", *price.from));
      return;
    }
    const auto [first, fresh] = prices_.try_emplace({price.model, price.currency, from}, &price);
    if (fresh) return;
    error(price.position, fmt::format("two prices of '{}' in {} begin at the same time; the other "
                                      "is at {}",
                                      price.model, price.currency, first->second->position.text()));
  }

  void check_gse(const Price& price) {
    if (!price.gse) {
      pointless(price.given, "gpu_second", "without 'gse' no GPU time is known");
      pointless(price.given, "energy", "without 'gse' no GPU time is known");
      return;
    }
    for (const auto& [name, time] : {std::pair("prompt_us", price.gse->prompt_us),
                                     std::pair("cached_us", price.gse->cached_us),
                                     std::pair("output_us", price.gse->output_us)}) {
      if (time.millionths % kThousandth != 0 || time > Decimal{.whole = kRateMax}) {
        error(price.gse->position, fmt::format("{}: want microseconds with at most 3 decimals, not "
                                               "{}",
                                               name, to_text(time)));
      }
    }
    if (!price.energy) return;
    const Decimal& pue = price.energy->pue;
    if (pue < Decimal{.whole = 1} || pue > Decimal{.whole = 100} ||
        pue.millionths % kThousandth != 0) {
      error(price.energy->position,
            fmt::format("pue: want 1 to 100 with at most 3 decimals, not {}", to_text(pue)));
    }
  }

  void check_webhooks() {
    check_webhook("budget_events", config_.webhooks.budget_events);
    const auto& checkpoints = config_.webhooks.audit_checkpoints;
    check_webhook("audit_checkpoints", checkpoints);
    check_webhook("rollout_events", config_.webhooks.rollout_events);
    if (checkpoints && !config_.audit.enabled)
      error(checkpoints->position, "'audit_checkpoints' has no effect: the audit log is off");
    if (config_.webhooks.allowed.size() > kWebhookPlacesMax)
      error(config_.webhooks.position, fmt::format("allowed: want at most {}", kWebhookPlacesMax));
    for (const std::string& place : config_.webhooks.allowed)
      check(check_webhook_place(place), config_.webhooks.position, "allowed");
  }

  void check_webhook(std::string_view name, const std::optional<Webhook>& hook) {
    if (!hook) return;
    check(check_webhook_url(hook->url), hook->position, "url");
    const std::size_t length = hook->secret.reveal().size();
    if (length >= kWebhookSecretMin) return;
    error(hook->position, length == 0 ? fmt::format("{} needs 'secret'", name)
                                      : fmt::format("secret: want at least {} characters, it has "
                                                    "{}",
                                                    kWebhookSecretMin, length));
  }

  // What entries say of where a request was answered, and by what.
  void check_places() {
    check_place(config_.audit);
    for (const Engine& engine : config_.engines)
      check_place(engine);
    for (const Model& model : config_.models) {
      const std::vector<std::string> engines = engines_of(model);
      const auto is_managed = [&](const std::string& name) {
        const auto engine = std::ranges::find(config_.engines, name, &Engine::name);
        return engine != config_.engines.end() && engine->managed;
      };
      if (std::ranges::all_of(engines, is_managed))
        pointless(model.given, "digest", "the gateway hashes the files of a managed engine");
      if (!model.digest.empty() && !is_sha256(model.digest))
        error(place(model, "digest"), "digest: want 64 of 0-9 and a-f, as sha256sum prints them");
    }
  }

  template <class Object>
  void check_place(const Object& object) {
    for (const auto& [name, text] :
         {std::pair("site", &object.site), std::pair("jurisdiction", &object.jurisdiction)}) {
      if (text->size() > kPlaceMax)
        error(place(object, name), fmt::format("{}: want at most {} bytes", name, kPlaceMax));
      else if (!is_printable(*text))
        error(place(object, name),
              fmt::format("{}: want printable characters, and no blanks around them", name));
      if constexpr (std::is_same_v<Object, Engine>) {
        if (!config_.audit.enabled) pointless(object.given, name, "the audit log is off");
      }
    }
  }

  static bool is_sha256(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
  }

  void check_audit() {
    const Audit& audit = config_.audit;
    if (!audit.enabled) {
      for (const char* setting : {"fail_closed", "origin", "site", "jurisdiction", "export_path",
                                  "witness_keys", "checkpoint_interval", "keep_days"})
        pointless(audit.given, setting, "the audit log is off");
    }
    check_places();
    if (audit.witness_keys.size() > kWitnessesMax)
      error(place(audit, "witness_keys"),
            fmt::format("witness_keys: want at most {}", kWitnessesMax));
    // The name of a signed note is one line without space or '+'.
    const bool is_given = audit.given.find("origin") != nullptr;
    if ((is_given && audit.origin.empty()) || !is_plain(audit.origin, kOriginMax) ||
        audit.origin.find_first_of(" +") != std::string::npos) {
      error(place(audit, "origin"), fmt::format("origin: want 1 to {} characters without spaces "
                                                "and '+', as ai.example.org/gateway-1",
                                                kOriginMax));
    }
    if (!audit.export_path.empty() && !audit.export_path.starts_with('/'))
      error(place(audit, "export_path"), "export_path: want an absolute path");
  }

  void check_ledger() {
    const Ledger& ledger = config_.ledger;
    if (ledger.verify_every.count() > 0 && ledger.verify_every < kVerifyEveryMin)
      error(place(ledger, "verify_every"), "verify_every: want 10s or more, or 0s for never");
  }

  const Config& config_;
  std::vector<Finding>& findings_;
  std::map<std::string, const Pool*> pool_of_engine_;
  std::map<std::string, const Limit*> limit_names_;
  using PriceBegin = std::tuple<std::string, std::string, std::optional<WallTime>>;
  std::map<PriceBegin, const Price*> prices_;
};

}  // namespace

void check_metering(const Config& config, std::vector<Finding>& findings) {
  MeteringChecker(config, findings).run();
}

}  // namespace sovmesh::config

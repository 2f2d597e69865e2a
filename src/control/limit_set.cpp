#include "control/limit_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "base/time_zone.h"
#include "config/values.h"
#include "control/admin_objects.h"

namespace sovmesh::control {
namespace {

using limits::Measure;
using limits::Scope;
using limits::ScopeKey;
using limits::Target;
using limits::Window;

constexpr std::size_t kNameMax = 256;  // bytes, as limits::validate has it
constexpr std::string_view kEach = "*";

constexpr std::array<std::pair<Measure, std::string_view>, limits::kMeasures> kWords{{
    {Measure::requests, "requests"},
    {Measure::input_tokens, "input_tokens"},
    {Measure::output_tokens, "output_tokens"},
    {Measure::total_tokens, "total_tokens"},
    {Measure::concurrency, "concurrency"},
    {Measure::money_micro, "money"},
    {Measure::gpu_microseconds, "gpu_seconds"},
}};

// As its owner knows it, without his tenant.
std::string short_name(const store::LimitHolder& holder, const store::ControlData& data) {
  switch (holder.scope) {
    case Scope::key:
      return holder.key ? std::string(holder.key->text()) : std::string();
    case Scope::project:
      return slug_of(data, holder.project);
    case Scope::tenant:
      return slug_of(data, holder.tenant);
    case Scope::user:
    case Scope::pool:
      break;
  }
  return holder.name;
}

Target target_of(const store::LimitHolder& holder, const store::ControlData& data) {
  if (holder.scope == Scope::user && holder.name == kEach)
    return Target::each(Scope::user, holder.tenant);
  std::string text = fmt::format("{}:{}", limits::name(holder.scope), short_name(holder, data));
  switch (holder.scope) {
    case Scope::key:
      return Target::one(ScopeKey::of(*holder.key), std::move(text));
    case Scope::user:
      return Target::one(ScopeKey::user(holder.tenant, holder.name), std::move(text));
    case Scope::project:
      return Target::one(ScopeKey::of(holder.project), std::move(text));
    case Scope::pool:
      return Target::one(ScopeKey::pool(holder.name), std::move(text));
    case Scope::tenant:
      break;
  }
  return Target::one(ScopeKey::of(holder.tenant), std::move(text));
}

// For people and as a label; slugs may be reused, the limits behind them are others then.
std::string name_of(const store::LimitRecord& record, const store::ControlData& data) {
  if (!record.name.empty()) return record.name;
  const store::LimitHolder& holder = record.holder;
  std::string name = fmt::format("{}:", limits::name(holder.scope));
  if (holder.scope == Scope::project || holder.scope == Scope::user)
    name += slug_of(data, holder.tenant) + "/";
  name += short_name(holder, data);
  name += fmt::format(" {}", measure_word(record.measure));
  if (record.window != Window::none) name += fmt::format("/{}", limits::name(record.window));
  if (record.alignment == limits::Alignment::rolling) name += " rolling";
  if (!record.model.empty()) name += " for " + record.model;
  return name;
}

// The same name again, or one that is too long, gets the limit's id.
void make_unique(limits::Limit& limit, const Ulid& id, std::set<std::string>& taken) {
  const std::string suffix = " #" + id.text();
  const bool is_long = limit.name.size() > kNameMax;
  if (is_long) limit.name.resize(kNameMax - suffix.size());
  if (is_long || taken.contains(limit.name)) {
    limit.name.resize(std::min(limit.name.size(), kNameMax - suffix.size()));
    limit.name += suffix;
  }
  taken.insert(limit.name);
}

bool by_a_calendar(const store::LimitRecord& record) {
  return record.alignment == limits::Alignment::calendar && record.window >= Window::minute &&
         record.window <= Window::month;
}

Result<TimeZone> zone_of(const store::LimitRecord& record, const store::ControlData& data) {
  const auto tenant = std::ranges::find(data.tenants, record.holder.tenant, &tenancy::Tenant::id);
  if (!by_a_calendar(record) || tenant == data.tenants.end()) return TimeZone::utc();
  const auto zone = TimeZone::find(tenant->time_zone);
  if (zone) return zone;
  return our_error(Code::config_invalid,
                   fmt::format("the time zone '{}' of tenant '{}' is not known to this machine: "
                               "install tzdata or change it",
                               tenant->time_zone, tenant->slug.text()));
}

std::int64_t micro(const Decimal& decimal) { return decimal.micro().value_or(0); }
// Microseconds with decimals as nanoseconds; milli-units the same way.
std::int64_t milli(const Decimal& decimal) {
  return decimal.whole * 1'000 + decimal.millionths / 1'000;
}

// The reader has refused what is neither a date nor a time.
WallTime begin_of(const config::Price& price) {
  return price.from ? config::parse_date_or_time(*price.from).value_or(WallTime{}) : WallTime{};
}

metering::PriceTerms terms_of(const config::Price& price) {
  metering::PriceTerms terms{.model = price.model,
                             .currency = price.currency,
                             .label = price.label,
                             .effective_from = begin_of(price),
                             .call = micro(price.per_call),
                             .input = micro(price.input),
                             .cached_input = micro(price.cached_input.value_or(price.input)),
                             .output = micro(price.output),
                             .characters = micro(price.characters),
                             .concurrency_hour = micro(price.concurrency_hour),
                             .gpu_second = micro(price.gpu_second)};
  if (price.gse) {
    terms.prompt_ns = milli(price.gse->prompt_us);
    terms.cached_ns = milli(price.gse->cached_us);
    terms.output_ns = milli(price.gse->output_us);
  }
  if (price.energy) {
    terms.milliwatts = price.energy->watts * 1'000;
    terms.pue_milli = milli(price.energy->pue);
    terms.co2_g_per_kwh = price.energy->g_co2e_per_kwh;
  }
  return terms;
}

}  // namespace

PoolOfEngine pool_of_engine(const std::vector<config::Pool>& pools) {
  PoolOfEngine out;
  for (const config::Pool& pool : pools) {
    for (const std::string& engine : pool.engines)
      out.emplace(engine, pool.name);
  }
  return out;
}

bool is_same(const store::LimitRecord& a, const store::LimitRecord& b) {
  return a.holder == b.holder && a.measure == b.measure && a.window == b.window &&
         a.alignment == b.alignment && a.model == b.model;
}

Result<limits::Limit> limit_of(const store::LimitRecord& record, const store::ControlData& data) {
  TRY(TimeZone zone, zone_of(record, data));
  return limits::Limit{.name = name_of(record, data),
                       .target = target_of(record.holder, data),
                       .measure = record.measure,
                       .window = record.window,
                       .alignment = record.alignment,
                       .zone = zone,
                       .amount = record.amount,
                       .shadow = record.shadow,
                       .model = record.model};
}

Result<LimitsById> limits_by_id(const store::ControlData& data,
                                const std::function<bool(std::string_view)>& has_pool) {
  LimitsById out;
  std::set<std::string> names;
  for (const store::LimitRecord& record : data.limits) {
    if (record.holder.scope == Scope::pool && !has_pool(record.holder.name)) continue;
    TRY(limits::Limit limit, limit_of(record, data));
    make_unique(limit, record.id.value, names);
    out.emplace(record.id, std::move(limit));
  }
  return out;
}

Result<std::vector<limits::Limit>> limits_of(const store::ControlData& data,
                                             const std::vector<config::Pool>& pools) {
  const auto has_pool = [&](std::string_view name) {
    return std::ranges::find(pools, name, &config::Pool::name) != pools.end();
  };
  TRY(LimitsById by_id, limits_by_id(data, has_pool));
  std::vector<limits::Limit> out;
  for (auto& [id, limit] : by_id)
    out.push_back(std::move(limit));
  return out;
}

Result<metering::PriceBook> price_book_of(const std::vector<config::Price>& prices) {
  std::vector<std::shared_ptr<const metering::Price>> all;
  for (const config::Price& price : prices) {
    auto made = metering::Price::make(terms_of(price));
    if (!made) {
      return our_error(Code::config_invalid,
                       fmt::format("{}: error: {}", price.position.text(), made.error().message()));
    }
    all.push_back(*std::move(made));
  }
  auto book = metering::PriceBook::make(std::move(all));
  if (!book) return our_error(Code::config_invalid, book.error().message());
  return book;
}

std::string_view measure_word(Measure measure) {
  return std::ranges::find(kWords, measure, &std::pair<Measure, std::string_view>::first)->second;
}

std::optional<Measure> parse_measure_word(std::string_view text) {
  for (const auto& [measure, word] : kWords)
    if (word == text) return measure;
  return std::nullopt;
}

bool has_decimals(Measure measure) {
  return measure == Measure::money_micro || measure == Measure::gpu_microseconds;
}

Result<std::int64_t> amount_of(Measure measure, const Decimal& amount) {
  constexpr std::int64_t kMost = limits::kAmountMax;
  const bool exact = has_decimals(measure);
  if (!exact && amount.millionths != 0) {
    return client_error(
        Code::invalid_value,
        fmt::format("{} come as whole numbers, not {}", measure_word(measure), to_text(amount)),
        "amount");
  }
  const std::int64_t count = exact ? amount.micro().value_or(kMost + 1) : amount.whole;
  if (count < 1) return client_error(Code::invalid_value, "want more than 0", "amount");
  if (count <= kMost) return count;
  return client_error(
      Code::invalid_value,
      fmt::format("want at most {}, not {}", amount_text(measure, kMost), to_text(amount)),
      "amount");
}

std::string amount_text(Measure measure, std::int64_t amount) {
  if (!has_decimals(measure)) return fmt::format("{}", amount);
  return micro_text(amount, measure == Measure::money_micro ? 2 : 0);
}

}  // namespace sovmesh::control

#include "metering/price.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <compare>
#include <tuple>
#include <utility>

#include "base/append.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/time_text.h"

namespace sovmesh::metering {
namespace {

__extension__ using Wide = __int128;

// The fields that are numbers, in the order of the canonical text. New ones go to the end, and are
// left out of the text while they are 0: an id never changes.
struct Field {
  const char* name;
  std::int64_t PriceTerms::* value;
  std::int64_t max;
};
constexpr std::array kFields{
    Field{"call", &PriceTerms::call, PriceTerms::kRateMax},
    Field{"input", &PriceTerms::input, PriceTerms::kRateMax},
    Field{"cached_input", &PriceTerms::cached_input, PriceTerms::kRateMax},
    Field{"output", &PriceTerms::output, PriceTerms::kRateMax},
    Field{"characters", &PriceTerms::characters, PriceTerms::kRateMax},
    Field{"concurrency_hour", &PriceTerms::concurrency_hour, PriceTerms::kRateMax},
    Field{"gpu_second", &PriceTerms::gpu_second, PriceTerms::kRateMax},
    Field{"prompt_ns", &PriceTerms::prompt_ns, PriceTerms::kNanosecondsMax},
    Field{"cached_ns", &PriceTerms::cached_ns, PriceTerms::kNanosecondsMax},
    Field{"output_ns", &PriceTerms::output_ns, PriceTerms::kNanosecondsMax},
    Field{"milliwatts", &PriceTerms::milliwatts, 1'000'000'000},
    Field{"pue_milli", &PriceTerms::pue_milli, 100'000},
    Field{"co2_g_per_kwh", &PriceTerms::co2_g_per_kwh, 100'000},
};
constexpr std::string_view kFirstLine = "sovmesh price 1\n";

bool is_plain(std::string_view text) {
  return text.size() <= PriceTerms::kTextMax && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

Result<void> check(const PriceTerms& terms) {
  if (terms.model.empty() || !is_plain(terms.model))
    return client_error(Code::invalid_value, "want the public name of a model", "model");
  const auto capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (terms.currency.size() != 3 || !std::ranges::all_of(terms.currency, capital))
    return client_error(Code::invalid_value, "want a currency of ISO 4217, like EUR", "currency");
  if (!is_plain(terms.label))
    return client_error(Code::invalid_value, "want at most 256 bytes in one line", "label");
  if (terms.effective_from < WallTime{})
    return client_error(Code::invalid_value, "want a time after 1970", "from");
  for (const Field& field : kFields) {
    const std::int64_t value = terms.*field.value;
    if (value < 0 || value > field.max)
      return client_error(Code::invalid_value,
                          std::string(field.name) + ": want 0 to " + std::to_string(field.max),
                          field.name);
  }
  if (terms.pue_milli < 1000)
    return client_error(Code::invalid_value, "a PUE is at least 1", "pue_milli");
  return {};
}

std::string text_of(const PriceTerms& terms) {
  std::string text(kFirstLine);
  append_all(text, "model=", terms.model, "\ncurrency=", terms.currency, "\nlabel=", terms.label,
             "\nfrom=", to_rfc3339(terms.effective_from), "\n");
  for (const Field& field : kFields)
    append_all(text, std::string_view(field.name), "=", std::to_string(terms.*field.value), "\n");
  return text;
}

std::unexpected<Error> unreadable() {
  return our_error(Code::data_dir_invalid, "a stored price cannot be read");
}

// "name=value\n": the value, and the rest stays in `text`.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name) || text.substr(name.size(), 1) != "=") return std::nullopt;
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(name.size() + 1, end - name.size() - 1);
  text.remove_prefix(end + 1);
  return value;
}

std::optional<std::int64_t> read_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::int64_t at_most(Wide value, std::int64_t max) {
  return value > max ? max : static_cast<std::int64_t>(value);
}

// Counts as they may be multiplied: what an engine or a damaged file says is never trusted.
struct Billed {
  Wide input = 0;
  Wide cached = 0;
  Wide output = 0;
  explicit Billed(const Counts& counts) {
    const std::int64_t prompt = std::clamp<std::int64_t>(counts.prompt, 0, kTokensMax);
    cached = std::clamp<std::int64_t>(counts.cached, 0, prompt);
    input = prompt - cached;
    output = std::clamp<std::int64_t>(counts.generated, 0, kTokensMax);
  }
};

class PowerModel : public EnergyMeter {
 public:
  Energy energy_of(const Price& price, std::int64_t gse_us) const override {
    const PriceTerms& terms = price.terms();
    if (terms.milliwatts == 0) return {};
    // milliwatts x microseconds are nanojoules; PUE is in thousandths.
    const Wide picojoules =
        Wide{std::clamp<std::int64_t>(gse_us, 0, kGseMax)} * terms.milliwatts * terms.pue_milli;
    const Wide millijoules = picojoules / 1'000'000'000;
    // A kilowatt-hour is 3.6 x 10^18 picojoules, a gram 10^6 micrograms.
    const Wide micrograms = picojoules * terms.co2_g_per_kwh / 3'600'000'000'000;
    return {.millijoules = at_most(millijoules, kGseMax),
            .micrograms_co2 = at_most(micrograms, kGseMax),
            .method = EnergyMethod::estimated};
  }
};

}  // namespace

Result<std::shared_ptr<const Price>> Price::make(PriceTerms terms) {
  TRY_VOID(check(terms));
  Price price;
  price.text_ = text_of(terms);
  price.terms_ = std::move(terms);
  const Digest digest = sha256(price.text_);
  price.id_ = "p-" + to_hex(digest).substr(0, 12);
  return std::make_shared<const Price>(std::move(price));
}

Result<std::shared_ptr<const Price>> Price::parse(std::string_view text) {
  std::string_view rest = text;
  if (!rest.starts_with(kFirstLine)) return unreadable();
  rest.remove_prefix(kFirstLine.size());
  const auto model = take_line(rest, "model");
  const auto currency = model ? take_line(rest, "currency") : model;
  const auto label = currency ? take_line(rest, "label") : currency;
  const auto from = label ? take_line(rest, "from") : label;
  const auto time = from ? parse_rfc3339(*from) : std::nullopt;
  if (!time) return unreadable();
  PriceTerms terms{.model = std::string(*model),
                   .currency = std::string(*currency),
                   .label = std::string(*label),
                   .effective_from = *time};
  for (const Field& field : kFields) {
    const auto line = take_line(rest, field.name);
    const auto number = line ? read_number(*line) : std::nullopt;
    if (!number) return unreadable();
    terms.*field.value = *number;
  }
  auto price = make(std::move(terms));
  // Byte for byte: an id stands for one text.
  if (!price || (*price)->text() != text) return unreadable();
  return price;
}

bool was_served(const Usage& usage) {
  const Counts& counts = usage.counts;
  if (counts.prompt > 0 || counts.generated > 0) return true;
  switch (usage.finish) {
    case Finish::stop:
    case Finish::length:
    case Finish::tool_calls:
    case Finish::content_filter:
      return true;
    case Finish::client_closed:
    case Finish::upstream_error:
    case Finish::upstream_timeout:
    case Finish::revoked:
    case Finish::aborted:
    case Finish::recovered:
    case Finish::drained:
      break;
  }
  return false;
}

namespace {

// Of a usage that was served.
Wide nanoseconds_of(const Price& price, const Usage& usage) {
  const PriceTerms& terms = price.terms();
  const Billed billed(usage.counts);
  return billed.input * terms.prompt_ns + billed.cached * terms.cached_ns +
         billed.output * terms.output_ns;
}
std::int64_t gse_from(Wide nanoseconds) { return at_most(nanoseconds / 1'000, kGseMax); }

// In parts of one micro-unit / 3.6 x 10^9, the microseconds of an hour. The largest sum is below
// 10^35, of 1.7 x 10^38 that fit.
Wide cost_parts_of(const Price& price, const Usage& usage, std::int64_t gse_us) {
  const PriceTerms& terms = price.terms();
  const Billed billed(usage.counts);
  const Wide characters = std::clamp<std::int64_t>(usage.characters, 0, kTokensMax);
  const Wide open_us = std::clamp<std::int64_t>(usage.open_for.count(), 0, kGseMax);
  const Wide per_million = billed.input * terms.input + billed.cached * terms.cached_input +
                           billed.output * terms.output + characters * terms.characters +
                           Wide{gse_us} * terms.gpu_second;
  return Wide{terms.call} * 3'600'000'000 + per_million * 3'600 + open_us * terms.concurrency_hour;
}
std::int64_t cost_from(Wide parts) { return at_most(parts / 3'600'000'000, kCostMax); }

}  // namespace

std::int64_t gse_of(const Price& price, const Usage& usage) {
  return was_served(usage) ? gse_from(nanoseconds_of(price, usage)) : 0;
}

std::int64_t cost_of(const Price& price, const Usage& usage) {
  return was_served(usage) ? cost_from(cost_parts_of(price, usage, gse_of(price, usage))) : 0;
}

Held held_for(const Price& price, const Usage& usage) {
  if (!was_served(usage)) return {};
  const Wide nanoseconds = nanoseconds_of(price, usage);
  Held held{.gse_us = gse_from(nanoseconds)};
  held.cost_micro = cost_from(cost_parts_of(price, usage, held.gse_us));
  if (held.gse_us == 0 && nanoseconds > 0) held.gse_us = 1;
  if (held.cost_micro == 0 && cost_parts_of(price, usage, held.gse_us) > 0) held.cost_micro = 1;
  return held;
}

std::string_view name(EnergyMethod method) {
  switch (method) {
    case EnergyMethod::none:
      return "none";
    case EnergyMethod::measured:
      return "measured";
    case EnergyMethod::attributed:
      return "attributed";
    case EnergyMethod::estimated:
      return "estimated";
  }
  return "";
}

const EnergyMeter& power_model() {
  static const PowerModel model;
  return model;
}

Charge charge_of(const Price* price, const Usage& usage, const EnergyMeter& meter) {
  if (price == nullptr) return {};
  Charge charge{.cost_micro = cost_of(*price, usage), .gse_us = gse_of(*price, usage)};
  if (charge.gse_us > 0) charge.energy = meter.energy_of(*price, charge.gse_us);
  return charge;
}

namespace {

auto place_of(const Price& price) {
  return std::tuple(std::string_view(price.model()), std::string_view(price.currency()),
                    price.terms().effective_from);
}

}  // namespace

Result<PriceBook> PriceBook::make(std::vector<std::shared_ptr<const Price>> prices) {
  std::ranges::sort(prices, {}, [](const auto& price) { return place_of(*price); });
  const auto same = std::ranges::adjacent_find(
      prices, [](const auto& a, const auto& b) { return place_of(*a) == place_of(*b); });
  if (same != prices.end())
    return client_error(Code::invalid_value,
                        "two prices of " + (*same)->model() + " in " + (*same)->currency() +
                            " begin at " + to_rfc3339((*same)->terms().effective_from),
                        "from");
  PriceBook book;
  book.prices_ = std::move(prices);
  return book;
}

std::shared_ptr<const Price> PriceBook::find(std::string_view model, std::string_view currency,
                                             WallTime at) const {
  const auto wanted = std::tuple(model, currency, at);
  const auto after = std::ranges::upper_bound(prices_, wanted, {},
                                              [](const auto& price) { return place_of(*price); });
  if (after == prices_.begin()) return nullptr;
  const auto& found = *std::prev(after);
  return found->model() == model && found->currency() == currency ? found : nullptr;
}

}  // namespace sovmesh::metering

#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "metering/usage.h"

namespace sovmesh::metering {

// Money is counted in micro-units of its currency (1,000,000 = one euro), always whole.

// What one version of a model costs, and what it costs the machine. Zero: nothing is charged.
struct PriceTerms {
  // Bounds of every field below, so that no sum of ours overflows.
  static constexpr std::int64_t kRateMax = 1'000'000'000'000'000;  // 10^9 units of money
  static constexpr std::int64_t kNanosecondsMax = 1'000'000'000'000;
  static constexpr std::size_t kTextMax = 256;  // bytes

  std::string model;          // public name
  std::string currency;       // ISO 4217: "EUR"
  std::string label;          // for people: "Plus 2027"
  WallTime effective_from{};  // the epoch: always
  // Micro-units of money per...
  std::int64_t call = 0;              // request
  std::int64_t input = 0;             // 1,000,000 prompt tokens that were not cached
  std::int64_t cached_input = 0;      // 1,000,000 prompt tokens that were
  std::int64_t output = 0;            // 1,000,000 generated tokens
  std::int64_t characters = 0;        // 1,000,000 characters of input
  std::int64_t concurrency_hour = 0;  // hour in which one request is open
  std::int64_t gpu_second = 0;        // GPU-second equivalent (GSE)
  // GSE: nanoseconds of the engine per token.
  std::int64_t prompt_ns = 0;  // not cached
  std::int64_t cached_ns = 0;
  std::int64_t output_ns = 0;
  // Energy while the engine works on it. 0 milliwatts: not known.
  std::int64_t milliwatts = 0;    // thermal design power x this model's share of the card
  std::int64_t pue_milli = 1000;  // power usage effectiveness x 1,000
  std::int64_t co2_g_per_kwh = 0;
  friend bool operator==(const PriceTerms&, const PriceTerms&) = default;
};

// One version of a price: it never changes, and its id is made from its content, so whoever holds
// the terms can check the id that a row names. Shared between threads as
// std::shared_ptr<const Price>.
class Price {
 public:
  // Code::invalid_value with the field as `param` when a term makes no sense.
  static Result<std::shared_ptr<const Price>> make(PriceTerms terms);
  // Reads text() again; the same id or an error.
  static Result<std::shared_ptr<const Price>> parse(std::string_view text);

  const std::string& id() const { return id_; }      // "p-" + 12 hexadecimal digits
  const std::string& text() const { return text_; }  // canonical, "name=value" lines in fixed order
  const PriceTerms& terms() const { return terms_; }
  const std::string& model() const { return terms_.model; }
  const std::string& currency() const { return terms_.currency; }

 private:
  Price() = default;
  PriceTerms terms_;
  std::string text_;
  std::string id_;
};

// What a price is applied to: figures that stand in the row, so that anybody can do it again.
struct Usage {
  Counts counts;
  Finish finish = Finish::stop;
  std::int64_t characters = 0;           // of input
  std::chrono::microseconds open_for{};  // how long the request was open, by the ledger
};

// Whether there is anything to charge: a token was counted, or the engine itself said that it was
// done. An intent whose request failed before its first token costs nothing, the call included.
bool was_served(const Usage& usage);

// GPU-second equivalents in microseconds, rounded down once. Saturates at kGseMax.
inline constexpr std::int64_t kGseMax = 1'000'000'000'000'000;
std::int64_t gse_of(const Price& price, const Usage& usage);

// Micro-units of money: exact in 128 bits and rounded down once per request, so the sum of a
// request's parts is never more than its exact price. Saturates at kCostMax. Non-decreasing in
// every count but `cached`.
inline constexpr std::int64_t kCostMax = 100'000'000'000'000;
std::int64_t cost_of(const Price& price, const Usage& usage);

// What a reservation holds for usage that is only estimated: cost_of() and gse_of(), but at least 1
// of what is not free, so that nothing is too small for a budget that is used up.
struct Held {
  std::int64_t cost_micro = 0;
  std::int64_t gse_us = 0;
  friend bool operator==(const Held&, const Held&) = default;
};
Held held_for(const Price& price, const Usage& usage);

// How a figure of energy came to be, best first.
enum class EnergyMethod : std::uint8_t { none, measured, attributed, estimated };
std::string_view name(EnergyMethod method);
struct Energy {
  std::int64_t millijoules = 0;
  std::int64_t micrograms_co2 = 0;  // CO2 equivalents
  EnergyMethod method = EnergyMethod::none;
  friend bool operator==(const Energy&, const Energy&) = default;
};

// Where a request's energy comes from. Any thread, no waiting.
class EnergyMeter {
 public:
  virtual ~EnergyMeter() = default;
  virtual Energy energy_of(const Price& price, std::int64_t gse_us) const = 0;
};
// Design power x share x engine time x PUE: no sensor needed, so `estimated`.
const EnergyMeter& power_model();

// All that follows from a row's price and its figures.
struct Charge {
  std::int64_t cost_micro = 0;
  std::int64_t gse_us = 0;
  Energy energy;
  friend bool operator==(const Charge&, const Charge&) = default;
};
Charge charge_of(const Price* price, const Usage& usage, const EnergyMeter& meter);

// The prices in force and to come. Immutable; share it as std::shared_ptr<const PriceBook>.
class PriceBook {
 public:
  PriceBook() = default;
  // Code::invalid_value when two versions of one (model, currency) begin at the same time.
  static Result<PriceBook> make(std::vector<std::shared_ptr<const Price>> prices);

  // The version with the latest effective_from <= at; null: unpriced.
  std::shared_ptr<const Price> find(std::string_view model, std::string_view currency,
                                    WallTime at) const;
  // Sorted by model, currency and effective_from.
  const std::vector<std::shared_ptr<const Price>>& all() const { return prices_; }

 private:
  std::vector<std::shared_ptr<const Price>> prices_;
};

}  // namespace sovmesh::metering

#include "sim/des/workload.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "sim/des/random.h"

namespace sovmesh::des {
namespace {

using std::chrono::microseconds;

// Shares of `size` by Zipf, added up: place i is drawn by a number below sums[i].
std::vector<double> zipf_sums(std::size_t size, double exponent) {
  std::vector<double> sums;
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i)
    sums.push_back(sum += std::pow(static_cast<double>(i + 1), -exponent));
  for (double& part : sums)
    part /= sum;
  return sums;
}

std::uint32_t place_in(const std::vector<double>& sums, double unit) {
  const auto found = std::ranges::upper_bound(sums, unit);
  return static_cast<std::uint32_t>(
      std::min<std::ptrdiff_t>(found - sums.begin(), std::ssize(sums) - 1));
}

void name_tenants(Workload& out, std::size_t tenants) {
  out.tenants.clear();
  for (std::size_t i = 0; i < tenants; ++i)
    out.tenants.push_back("tenant-" + std::to_string(i));
}

}  // namespace

std::span<const BlockKey> Workload::prompt_chain(const Arrival& arrival) const {
  const auto complete = arrival.input_tokens / static_cast<std::uint32_t>(block_tokens);
  return chain(arrival).first(std::min(arrival.chain_size, complete));
}

microseconds Workload::length() const {
  return arrivals.empty() ? microseconds{} : arrivals.back().at;
}

void Workload::sort() {
  std::vector<std::pair<microseconds, std::uint32_t>> places;
  places.reserve(arrivals.size());
  for (const Arrival& each : arrivals)
    places.emplace_back(each.at, static_cast<std::uint32_t>(places.size()));
  std::ranges::sort(places);
  std::vector<Arrival> sorted;
  sorted.reserve(arrivals.size());
  for (const auto& [at, place] : places)
    sorted.push_back(arrivals[place]);
  arrivals = std::move(sorted);
}

Result<Workload> scale(const Workload& trace, const Scaling& scaling, std::uint64_t seed) {
  if (scaling.copies == 0 || !(scaling.speed > 0) || scaling.tenants == 0)
    return client_error(Code::invalid_value, "copies, speed and tenants: want more than 0");
  if (trace.arrivals.size() * scaling.copies > kArrivalsMax ||
      trace.keys.size() * scaling.copies > kKeysMax)
    return client_error(Code::invalid_value, "so many copies of this trace are too many requests");
  Workload out{.name = trace.name, .block_tokens = trace.block_tokens};
  name_tenants(out, scaling.tenants);
  const std::vector<double> sums = zipf_sums(scaling.tenants, scaling.zipf);
  SeededRandom random(seed);
  for (std::size_t copy = 0; copy < scaling.copies; ++copy) {
    const std::uint64_t salt = copy == 0 ? 0 : random.bits();
    const double shift_us = random.unit() * static_cast<double>(scaling.shift_max.count());
    for (const Arrival& from : trace.arrivals) {
      if (from.at > scaling.length_max) break;
      Arrival arrival = from;
      const auto chain = trace.chain(from);
      arrival.at = microseconds(std::llround(static_cast<double>(from.at.count()) / scaling.speed +
                                             shift_us + random.unit() * 100'000));
      arrival.chain_begin = static_cast<std::uint32_t>(out.keys.size());
      for (std::size_t i = 0; i < chain.size(); ++i)
        out.keys.push_back(i == 0 || salt == 0 ? chain[i] : SeededRandom::mix(chain[i] ^ salt));
      // All turns of a conversation are one tenant's: its second block says which it is.
      const std::uint64_t talk = chain.size() > 1
                                     ? SeededRandom::mix(out.keys[arrival.chain_begin + 1] ^ seed)
                                     : random.bits();
      arrival.tenant = place_in(sums, static_cast<double>(talk >> 11) * 0x1p-53);
      out.arrivals.push_back(arrival);
    }
  }
  out.sort();
  return out;
}

Workload merge(const Workload& a, const Workload& b) {
  Workload out = a;
  std::map<std::string, std::uint32_t> places;
  for (const std::string& name : out.tenants)
    places.emplace(name, static_cast<std::uint32_t>(places.size()));
  for (const std::string& name : b.tenants)
    if (places.emplace(name, static_cast<std::uint32_t>(out.tenants.size())).second)
      out.tenants.push_back(name);
  out.keys.insert(out.keys.end(), b.keys.begin(), b.keys.end());
  for (Arrival arrival : b.arrivals) {
    arrival.tenant = places.at(b.tenants[arrival.tenant]);
    arrival.chain_begin += static_cast<std::uint32_t>(a.keys.size());
    out.arrivals.push_back(arrival);
  }
  out.sort();
  return out;
}

// --- made up ---

namespace {

class Maker {
 public:
  Maker(std::string name, std::size_t tenants, std::uint64_t seed) : random(seed) {
    out.name = std::move(name);
    name_tenants(out, tenants);
  }
  // Appends the keys of one text of so many tokens, by itself.
  void text(std::uint64_t what, std::int64_t tokens) {
    for (std::int64_t i = 0; i < tokens / out.block_tokens; ++i)
      out.keys.push_back(SeededRandom::mix(what + static_cast<std::uint64_t>(i) * 0x9E37));
  }
  std::uint32_t length(std::uint32_t median) {
    return static_cast<std::uint32_t>(
        std::clamp(random.log_normal(median, 0.6), 1.0, 16.0 * median));
  }
  void add(Arrival arrival, std::size_t chain_begin) {
    arrival.chain_begin = static_cast<std::uint32_t>(chain_begin);
    arrival.chain_size = static_cast<std::uint32_t>(out.keys.size() - chain_begin);
    arrival.output_max = std::max(arrival.output_tokens, arrival.output_max);
    out.arrivals.push_back(arrival);
  }
  Workload finish() {
    out.sort();
    return std::move(out);
  }
  static microseconds at(double seconds) { return microseconds(std::llround(seconds * 1e6)); }

  Workload out;
  SeededRandom random;
};

}  // namespace

Workload shared_prefix(const SharedPrefixLoad& load, std::uint64_t seed) {
  Maker maker("shared-prefix", load.tenants, seed);
  const std::vector<double> sums = zipf_sums(load.groups, 1);
  const double length = static_cast<double>(load.length.count());
  for (double time = 0; (time += maker.random.exponential(1 / load.rate)) < length;) {
    const std::uint32_t group = place_in(sums, maker.random.unit());
    const std::uint32_t question = maker.length(load.question_tokens);
    const std::size_t begin = maker.out.keys.size();
    maker.text(SeededRandom::mix(group + 1), load.prefix_tokens);
    maker.text(maker.random.bits(), question);
    maker.add({.at = Maker::at(time),
               .tenant = group % static_cast<std::uint32_t>(load.tenants),
               .input_tokens = load.prefix_tokens + question,
               .output_tokens = maker.length(load.output_tokens)},
              begin);
  }
  return maker.finish();
}

Workload multi_turn(const MultiTurnLoad& load, std::uint64_t seed) {
  Maker maker("multi-turn", load.tenants, seed);
  const double length = static_cast<double>(load.length.count());
  for (double begin = 0; (begin += maker.random.exponential(1 / load.rate)) < length;) {
    const std::uint64_t talk = maker.random.bits();
    const auto tenant = static_cast<std::uint32_t>(maker.random.below(load.tenants));
    const auto user = static_cast<std::uint32_t>(talk);
    std::uint32_t said = load.system_tokens;
    double time = begin;
    for (std::uint32_t turn = 0; turn < load.turns && time < length; ++turn) {
      said += maker.length(load.turn_tokens);
      const std::uint32_t answer = maker.length(load.output_tokens);
      const std::size_t keys = maker.out.keys.size();
      maker.text(talk, said + answer);
      // The system prompt is everybody's.
      const std::size_t shared = load.system_tokens / 64;
      for (std::size_t i = 0; i < shared && keys + i < maker.out.keys.size(); ++i)
        maker.out.keys[keys + i] = SeededRandom::mix(i + 1);
      maker.add({.at = Maker::at(time),
                 .tenant = tenant,
                 .user = user,
                 .input_tokens = said,
                 .output_tokens = answer},
                keys);
      said += answer;
      time += answer * 0.03 + maker.random.exponential(load.think_s);
    }
  }
  return maker.finish();
}

Workload bursts(const BurstLoad& load, std::uint64_t seed) {
  Maker maker("bursts", load.tenants, seed);
  const double length = static_cast<double>(load.length.count());
  const double period = static_cast<double>(load.period.count());
  // Thinning: as many as in a burst, of which only some are kept between bursts.
  for (double time = 0;
       (time += maker.random.exponential(1 / (load.rate * load.factor))) < length;) {
    const bool burst = std::fmod(time, period) < period / 10;
    if (!burst && maker.random.unit() * load.factor >= 1) continue;
    const std::uint32_t input = maker.length(load.input_tokens);
    const std::size_t begin = maker.out.keys.size();
    maker.text(maker.random.bits(), input);
    maker.add({.at = Maker::at(time),
               .tenant = static_cast<std::uint32_t>(maker.random.below(load.tenants)),
               .input_tokens = input,
               .output_tokens = maker.length(load.output_tokens)},
              begin);
  }
  return maker.finish();
}

// --- adversaries ---

namespace {

constexpr std::uint32_t kPolite = 4;

void add_polite(Maker& maker, const AttackLoad& load) {
  const double length = static_cast<double>(load.length.count());
  for (std::uint32_t tenant = 0; tenant < kPolite; ++tenant)
    for (double time = 0; (time += maker.random.exponential(1 / load.polite_rate)) < length;)
      maker.add({.at = Maker::at(time),
                 .tenant = tenant,
                 .user = tenant,
                 .input_tokens = maker.length(800),
                 .output_tokens = maker.length(150)},
                maker.out.keys.size());
}

Arrival hostile(Maker& maker, const AttackLoad& load, std::size_t i) {
  const double length = static_cast<double>(load.length.count());
  const double part = static_cast<double>(i) / static_cast<double>(load.requests);
  Arrival arrival{.at = Maker::at(length / 10 + part),
                  .tenant = kPolite,
                  .input_tokens = maker.length(2'000),
                  .output_tokens = maker.length(150)};
  switch (load.attack) {
    case Attack::on_off:  // five seconds in thirty
      arrival.at = Maker::at(std::floor(part * length / 30) * 30 + maker.random.unit() * 5);
      break;
    case Attack::identities:
      arrival.user = static_cast<std::uint32_t>(maker.random.below(1'000));
      break;
    case Attack::aborts:
      arrival.leaves_after = std::max(1U, arrival.output_tokens - 1);
      break;
    case Attack::huge:
      arrival.input_tokens = maker.length(60'000);
      arrival.output_tokens = 20;
      break;
    case Attack::flood:
    case Attack::none:
      break;
  }
  return arrival;
}

}  // namespace

Result<Attack> parse_attack(std::string_view text) {
  if (text == "none") return Attack::none;
  if (text == "flood") return Attack::flood;
  if (text == "on-off") return Attack::on_off;
  if (text == "identities") return Attack::identities;
  if (text == "aborts") return Attack::aborts;
  if (text == "huge") return Attack::huge;
  return client_error(Code::invalid_value,
                      "attack: want none, flood, on-off, identities, aborts or huge");
}

Workload attack(const AttackLoad& load, std::uint64_t seed) {
  Maker maker("attack", kPolite + 1, seed);
  add_polite(maker, load);
  const std::size_t requests = load.attack == Attack::none   ? 0
                               : load.attack == Attack::huge ? load.requests / 100
                                                             : load.requests;
  for (std::size_t i = 0; i < requests; ++i)
    maker.add(hostile(maker, load, i), maker.out.keys.size());
  maker.out.tenants[kPolite] = "attacker";
  return maker.finish();
}

}  // namespace sovmesh::des

#include "limits/estimate.h"

#include <algorithm>
#include <cmath>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/guarded.h"

namespace sovmesh::limits {
namespace {

struct PairView {
  TenantId tenant;
  std::string_view model;
  friend bool operator==(const PairView&, const PairView&) = default;
};

struct Entry {
  TenantId tenant;
  std::string model;
  double mean = 0;
  PairView pair() const { return {tenant, model}; }
};

struct PairHash {
  std::size_t operator()(const PairView& pair) const noexcept {
    return std::hash<TenantId>{}(pair.tenant) * 31 + std::hash<std::string_view>{}(pair.model);
  }
};

}  // namespace

struct OutputEstimate::Table {
  struct Entries {
    explicit Entries(std::size_t pairs_max) : max(std::max<std::size_t>(pairs_max, 1)) {}

    Entry* find(const PairView& pair) {
      const auto known = places.find(pair);
      if (known == places.end()) return nullptr;
      used.splice(used.begin(), used, known->second);
      return &used.front();
    }
    void add(const PairView& pair, double mean) {
      if (used.size() >= max) {
        places.erase(used.back().pair());
        used.pop_back();
      }
      used.push_front({pair.tenant, std::string(pair.model), mean});
      places.emplace(used.front().pair(), used.begin());
    }

    std::size_t max;
    std::list<Entry> used;  // the latest first
    std::unordered_map<PairView, std::list<Entry>::iterator, PairHash>
        places;  // keys look into `used`
  };
  explicit Table(std::size_t pairs_max) : entries(pairs_max) {}
  Guarded<Entries> entries;
};

OutputEstimate::OutputEstimate(std::size_t pairs_max)
    : table_(std::make_unique<Table>(pairs_max)) {}
OutputEstimate::~OutputEstimate() = default;

void OutputEstimate::observe(TenantId tenant, std::string_view model, std::int64_t output_tokens) {
  const auto tokens = static_cast<double>(std::max<std::int64_t>(output_tokens, 0));
  const PairView pair{tenant, model};
  table_->entries.with([&](Table::Entries& entries) {
    if (Entry* entry = entries.find(pair)) {
      entry->mean += kWeight * (tokens - entry->mean);
    } else {
      const auto start = static_cast<double>(kStart);
      entries.add(pair, start + kWeight * (tokens - start));
    }
  });
}

std::int64_t OutputEstimate::estimate(TenantId tenant, std::string_view model) {
  return table_->entries.with([&](Table::Entries& entries) {
    const Entry* entry = entries.find({tenant, model});
    return entry == nullptr ? kStart : std::max<std::int64_t>(std::llround(entry->mean), 1);
  });
}

std::size_t OutputEstimate::size() {
  return table_->entries.with([](const Table::Entries& entries) { return entries.used.size(); });
}

}  // namespace sovmesh::limits

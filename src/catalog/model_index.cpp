#include "catalog/model_index.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace sovmesh::catalog {

ModelIndex::ModelIndex(std::span<const Model> models) {
  for (std::size_t i = 0; i < models.size(); ++i) {
    const std::string_view name = models[i].name.text();
    rows_.push_back({.name = padded(name), .name_bytes = name.size(), .model = i});
  }
  // Nobody's: no request has a name of this length.
  if (rows_.empty()) rows_.push_back({.name_bytes = std::string_view::npos});
  while (!place_rows())
    ++seed_;

  everybody_.resize(rows_.size());
  for (std::size_t row = 0; row < rows_.size() && !models.empty(); ++row)
    everybody_[row] = models[model(row)].for_all_tenants;
  for (const Model& model : models) {
    for (const TenantId tenant : model.tenants)
      own_.try_emplace(tenant, everybody_);
  }
  for (auto& [tenant, may] : own_) {
    for (std::size_t row = 0; row < rows_.size(); ++row)
      if (models[model(row)].tenants.contains(tenant)) may[row] = true;
  }
}

// Sorts the rows by their hashes. False when two names have the same one: the seed is no good.
bool ModelIndex::place_rows() {
  const auto hash_of = [this](const Row& row) { return hash(row.name, row.name_bytes); };
  std::ranges::sort(rows_, {}, hash_of);
  hashes_.clear();
  std::ranges::transform(rows_, std::back_inserter(hashes_), hash_of);
  const auto clash = std::ranges::adjacent_find(rows_, [&](const Row& a, const Row& b) {
    return hash_of(a) == hash_of(b) && a.name != b.name;
  });
  return clash == rows_.end();
}

ModelIndex::PaddedName ModelIndex::padded(std::string_view name) {
  PaddedName out{};
  if (!name.empty()) std::memcpy(out.data(), name.data(), std::min(name.size(), kNameBytesMax));
  return out;
}

std::uint64_t ModelIndex::hash(const PaddedName& name, std::size_t bytes) const {
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;
  std::uint64_t value = seed_ ^ bytes;
  const std::size_t words = std::min(bytes, kNameBytesMax - 1) / sizeof(std::uint64_t) + 1;
  for (std::size_t i = 0; i < words; ++i) {
    value = (value ^ name[i]) * odd;
    value ^= value >> 32U;
  }
  return value;
}

Place ModelIndex::by_name(std::string_view name) const {
  const PaddedName wanted = padded(name);
  const std::uint64_t hash = this->hash(wanted, name.size());
  // The last row whose hash is not above. All are read, whatever is wanted: a search that goes left
  // or right leaves traces in the processor that later searches can be told apart by.
  std::size_t not_above = 0;
  int equal = 0;
  for (const std::uint64_t one : hashes_) {
    not_above += static_cast<std::size_t>(one <= hash);
    equal |= static_cast<int>(one == hash);
  }
  return {.row = not_above - static_cast<std::size_t>(not_above > 0), .has_hash = equal != 0};
}

bool ModelIndex::is_named(std::size_t row, std::string_view name) const {
  return rows_[row].name_bytes == name.size() && rows_[row].name == padded(name);
}

bool ModelIndex::tenant_may(std::size_t row, TenantId tenant) const {
  const auto own = own_.find(tenant);
  return (own == own_.end() ? everybody_ : own->second)[row];
}

bool ModelIndex::key_may(std::string_view name, const std::set<ModelName>* key_models) {
  if (key_models == nullptr) return true;
  int found = 0;
  for (const ModelName& own : *key_models)
    found |= static_cast<int>(own.text() == name);
  return found != 0;
}

}  // namespace sovmesh::catalog

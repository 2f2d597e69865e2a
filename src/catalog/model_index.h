#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "catalog/records.h"

namespace sovmesh::catalog {

// Where the search for a name ended: at a model with the name's hash, or beside it at some other,
// so that the steps behind it have the same work either way.
struct Place {
  std::size_t row = 0;
  bool has_hash = false;
};

// The look-ups behind ModelTable. Each takes steps that depend on the size of the table, the length
// of the name and what belongs to the caller, never on whether a model exists or on who may use it.
class ModelIndex {
 public:
  explicit ModelIndex(std::span<const Model> models);

  // Reads hashes only: a name that is there would otherwise touch memory that another does not.
  Place by_name(std::string_view name) const;
  // Whether the row's model has this very name.
  bool is_named(std::size_t row, std::string_view name) const;
  bool tenant_may(std::size_t row, TenantId tenant) const;
  // `key_models`: nothing is no restriction.
  static bool key_may(std::string_view name, const std::set<ModelName>* key_models);
  // The position of the row's model in what the index was made of.
  std::size_t model(std::size_t row) const { return rows_[row].model; }

 private:
  static constexpr std::size_t kNameBytesMax = 128;
  // Zeros behind the name.
  using PaddedName = std::array<std::uint64_t, kNameBytesMax / sizeof(std::uint64_t)>;
  struct Row {
    PaddedName name{};
    std::size_t name_bytes = 0;
    std::size_t model = 0;
  };
  static PaddedName padded(std::string_view name);
  std::uint64_t hash(const PaddedName& name, std::size_t bytes) const;
  bool place_rows();

  std::uint64_t seed_ = 0;             // one that gives each name its own hash
  std::vector<std::uint64_t> hashes_;  // ascending; of rows_. Never empty.
  std::vector<Row> rows_;
  std::vector<bool> everybody_;                          // by row
  std::unordered_map<TenantId, std::vector<bool>> own_;  // by row; of tenants that models name
};

// The row of `name` when the caller may use it. All look-ups always happen, in this order: which of
// them said no must not show in the time taken. The name itself is compared only where the caller
// may use what was found, and would see it anyway. `Index` is ModelIndex, or what a test counts
// with.
template <class Index>
std::optional<std::size_t> permitted_row(const Index& index, std::string_view name, TenantId tenant,
                                         const std::set<ModelName>* key_models) {
  const Place place = index.by_name(name);
  const bool tenant_may = index.tenant_may(place.row, tenant);
  const bool key_may = index.key_may(name, key_models);
  const int verdict =
      static_cast<int>(place.has_hash) & static_cast<int>(tenant_may) & static_cast<int>(key_may);
  if (verdict == 0 || !index.is_named(place.row, name)) return std::nullopt;
  return place.row;
}

}  // namespace sovmesh::catalog

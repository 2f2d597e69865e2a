#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "metering/price.h"
#include "metering/usage.h"
#include "store_sqlite/database.h"

namespace sovmesh::store_sqlite {

// What repeats from row to row is stored once and gets a number: subjects (who with what) and
// prices. Remembers the numbers it has given out. Belongs to the writer.
class LedgerNames {
 public:
  static constexpr std::size_t kSubjectsMax = 100'000;  // remembered; beyond, all are forgotten
  static constexpr std::size_t kPricesMax = 10'000;

  struct Subject {
    std::int64_t tenant = 0;
    std::int64_t no = 0;
  };

  void use(Database& database) { database_ = &database; }
  Result<Subject> subject_of(const metering::Intent& intent);
  Result<std::int64_t> price_of(const std::shared_ptr<const metering::Price>& price);  // 0: none
  // A stored price again; null for number 0.
  Result<std::shared_ptr<const metering::Price>> price(std::int64_t no);
  // Numbers that a lost transaction gave out are void.
  void forget();

 private:
  struct Known {
    std::shared_ptr<const metering::Price> price;  // keeps its address its own
    std::int64_t no = 0;
  };

  Result<Subject> store(const metering::Intent& intent, const std::string& currency);

  Database* database_ = nullptr;
  std::unordered_map<std::string, Subject> subjects_;
  std::unordered_map<const metering::Price*, Known> prices_;
  std::string key_;  // scratch
};

// Reads what LedgerNames has stored. On any connection.
Result<std::shared_ptr<const metering::Price>> read_price(Database& database, std::int64_t no);

}  // namespace sovmesh::store_sqlite

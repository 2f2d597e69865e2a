#include "store_sqlite/ledger_names.h"

#include <string_view>

namespace sovmesh::store_sqlite {
namespace {

void add_bytes(std::string& key, const Ulid& id) {
  key.append(reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size());
}

void add_text(std::string& key, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  key.append(reinterpret_cast<const char*>(&size), sizeof size).append(text);
}

const std::string& currency_of(const metering::Intent& intent) {
  return intent.price != nullptr ? intent.price->currency() : intent.currency;
}

}  // namespace

Result<LedgerNames::Subject> LedgerNames::subject_of(const metering::Intent& intent) {
  const std::string& currency = currency_of(intent);
  key_.clear();
  add_bytes(key_, intent.tenant.value);
  add_bytes(key_, intent.project.value);
  key_.append(intent.key.text());
  key_.push_back(static_cast<char>(intent.operation));
  key_.push_back(intent.streamed ? '\1' : '\0');
  for (const std::string* text : {&intent.model, &intent.engine, &intent.model_revision,
                                  &intent.user, &intent.cost_centre, &currency})
    add_text(key_, *text);
  if (const auto found = subjects_.find(key_); found != subjects_.end()) return found->second;
  TRY(const Subject subject, store(intent, currency));
  if (subjects_.size() >= kSubjectsMax) subjects_.clear();
  subjects_.emplace(key_, subject);
  return subject;
}

Result<LedgerNames::Subject> LedgerNames::store(const metering::Intent& intent,
                                                const std::string& currency) {
  TRY_VOID(database_->run("INSERT OR IGNORE INTO tenant (id) VALUES (?)", intent.tenant));
  TRY(const std::int64_t tenant,
      database_->number("SELECT no FROM tenant WHERE id = ?", intent.tenant));
  const auto operation = static_cast<int>(intent.operation);
  TRY_VOID(database_->run(
      "INSERT OR IGNORE INTO subject (tenant, project, key, model, engine, operation, streamed,"
      " revision, user, cost_centre, currency) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      tenant, intent.project, intent.key, intent.model, intent.engine, operation, intent.streamed,
      intent.model_revision, intent.user, intent.cost_centre, currency));
  TRY(const std::int64_t no,
      database_->number("SELECT no FROM subject WHERE tenant = ? AND project = ? AND key = ?"
                        " AND model = ? AND engine = ? AND operation = ? AND streamed = ?"
                        " AND revision = ? AND user = ? AND cost_centre = ? AND currency = ?",
                        tenant, intent.project, intent.key, intent.model, intent.engine, operation,
                        intent.streamed, intent.model_revision, intent.user, intent.cost_centre,
                        currency));
  return Subject{.tenant = tenant, .no = no};
}

Result<std::int64_t> LedgerNames::price_of(const std::shared_ptr<const metering::Price>& price) {
  if (price == nullptr) return 0;
  if (const auto found = prices_.find(price.get()); found != prices_.end()) return found->second.no;
  TRY_VOID(database_->run("INSERT OR IGNORE INTO price (id, text) VALUES (?, ?)", price->id(),
                          price->text()));
  TRY(const std::int64_t no, database_->number("SELECT no FROM price WHERE id = ? AND text = ?",
                                               price->id(), price->text()));
  // Two texts of one id: nobody has seen 48 bits of SHA-256 collide by accident.
  if (no == 0) return our_error(Code::internal_error, "two prices have one id: " + price->id());
  if (prices_.size() >= kPricesMax) prices_.clear();
  prices_.emplace(price.get(), Known{.price = price, .no = no});
  return no;
}

Result<std::shared_ptr<const metering::Price>> LedgerNames::price(std::int64_t no) {
  for (const auto& [address, known] : prices_)
    if (known.no == no) return known.price;
  TRY(auto price, read_price(*database_, no));
  if (price != nullptr) prices_.emplace(price.get(), Known{.price = price, .no = no});
  return price;
}

void LedgerNames::forget() {
  subjects_.clear();
  prices_.clear();
}

Result<std::shared_ptr<const metering::Price>> read_price(Database& database, std::int64_t no) {
  if (no == 0) return nullptr;
  TRY(Statement row, database.prepare("SELECT text FROM price WHERE no = ?"));
  row.bind_all(no);
  TRY(const bool there, row.step());
  if (!there) return our_error(Code::data_dir_invalid, "ledger.db lacks a price that a row names");
  return metering::Price::parse(row.text(0));
}

}  // namespace sovmesh::store_sqlite

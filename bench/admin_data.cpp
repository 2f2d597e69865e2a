// Makes the databases of a data folder that has been busy for a month, by writing them directly:
// tenants with a project and keys each, and settled rows of the ledger with all their sums. What it
// has made adds up: `sovmesh ledger verify --offline` finds nothing.
//
//   admin_data FOLDER [TENANTS [KEYS [ROWS [DAYS]]]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/append.h"
#include "rt/real.h"
#include "store_sqlite/ledger_schema.h"
#include "store_sqlite/open.h"

namespace sovmesh::store_sqlite {
namespace {

using std::chrono::microseconds;

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "admin_data: %s\n", result.error().message().c_str());
  std::exit(1);
}
void must(const Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "admin_data: %s\n", result.error().message().c_str());
  std::exit(1);
}

struct Size {
  std::int64_t tenants = 1'000;
  std::int64_t keys = 100'000;
  std::int64_t rows = 1'000'000;
  std::int64_t days = 30;
};

// Small, quick and the same each time: which key a row is of, and how many tokens it has.
class Numbers {
 public:
  std::uint64_t next() {
    state_ ^= state_ << 13U;
    state_ ^= state_ >> 7U;
    state_ ^= state_ << 17U;
    return state_;
  }
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(next() % static_cast<std::uint64_t>(bound));
  }

 private:
  std::uint64_t state_ = 0x9e3779b97f4a7c15ULL;
};

std::string numbered(const char* name, std::int64_t number) {
  const std::string digits = std::to_string(number);
  return name + std::string(6 - std::min<std::size_t>(digits.size(), 6), '0') + digits;
}

struct Owner {
  TenantId tenant;
  ProjectId project;
  KeyId key;
};

std::vector<Owner> make_control(const std::string& folder, const Clock& clock, UlidSource& ids,
                                const Size& size) {
  const auto store = must(open_control_store(real_disk(), folder + "/control.db", clock));
  std::vector<Owner> owners;
  must(store->atomically([&](store::ControlStore& in) -> Result<void> {
    for (std::int64_t i = 0; i < size.tenants; ++i) {
      const std::string name = numbered("tenant-", i);
      TRY(const TenantSlug slug, TenantSlug::parse(name));
      TRY(const auto tenant,
          in.create(tenancy::Tenant{.id = {ids.next()}, .slug = slug, .display_name = name}));
      TRY(const ProjectSlug project_slug, ProjectSlug::parse("default"));
      TRY(const auto project, in.create(tenancy::Project{.id = {ids.next()},
                                                         .tenant = tenant.id,
                                                         .slug = project_slug,
                                                         .display_name = "default"}));
      for (std::int64_t k = i; k < size.keys; k += size.tenants) {
        TRY(const KeyId id, KeyId::parse(numbered("keyyyy", k)));
        tenancy::Key key{.id = id, .tenant = tenant.id, .project = project.id};
        key.display_name = "key " + std::to_string(k);
        key.scopes.set();
        key.pepper_id = 1;
        key.last_four = "abcd";
        TRY_VOID(in.create(std::move(key)));
        owners.push_back({tenant.id, project.id, id});
      }
    }
    return {};
  }));
  return owners;
}

void write_subjects(Database& database, const std::vector<Owner>& owners) {
  Transaction transaction = must(Transaction::begin(database));
  for (std::size_t i = 0; i < owners.size(); ++i) {
    const Owner& owner = owners[i];
    must(database.run("INSERT OR IGNORE INTO tenant (id) VALUES (?)", owner.tenant));
    must(database.run(
        "INSERT INTO subject (no, tenant, project, key, model, engine, operation, streamed,"
        " revision, user, cost_centre, currency) SELECT ?1, no, ?3, ?4, 'sim', 'sim', 0, 1, '1', "
        "'',"
        " '', 'EUR' FROM tenant WHERE id = ?2",
        i + 1, owner.tenant, owner.project, owner.key));
  }
  must(transaction.commit());
}

class Books {
 public:
  Books(Database& database, const Size& size, WallTime now, Random& random)
      : database_(database), size_(size), now_(now), random_(random) {}

  void write() {
    const std::int64_t today = day_of(now_);
    const std::int64_t first = today - size_.days + 1;
    for (std::int64_t day = first; day <= today; ++day) {
      const std::int64_t rows = size_.rows / size_.days;
      const WallTime end = std::min(begin_of_day(day + 1), now_);
      Transaction transaction = must(Transaction::begin(database_));
      must(make_partition(database_, day));
      write_day(day, rows, (end - begin_of_day(day)) / (rows + 1));
      for (const Span& span : kSpans)
        if (span.length >= std::chrono::minutes(15) || day >= today - 1) sum_up(span, day);
      must(database_.run(add_to_sums_sql("balance", day)));
      if (day == today)
        must(write_mark(database_, kSpans[0].table,
                        begin_of_day(today - 1).time_since_epoch().count()));
      must(transaction.commit());
      must(database_.checkpoint());
    }
  }

 private:
  void write_day(std::int64_t day, std::int64_t rows, microseconds apart) {
    Statement row = must(database_.prepare("INSERT INTO " + partition_name(day) +
                                           " VALUES (?1, ?2, ?3, 0, 1, ?4, ?5, ?6, ?6, 100, 1000, "
                                           "0, 400, 1, ?7, ?8, ?9, 0, ?9, 0, ?10,"
                                           " 0, 0, 0, 0, 0, 0)"));
    WallTime booked = begin_of_day(day);
    for (std::int64_t i = 0; i < rows; ++i) {
      booked += apart;
      const microseconds took(200'000 + numbers_.below(2'000'000));
      const WallTime opened = booked - took;
      const std::int64_t prompt = 50 + numbers_.below(2'000);
      const std::int64_t finish = numbers_.below(50) == 0 ? 5 : 0;  // an error of the engine's
      const Ulid rid = Ulid::make(opened, random_);
      row.bind_all(++seq_, rid, 1 + numbers_.below(size_.keys), opened, booked, took.count(),
                   prompt, prompt / 3, finish == 0 ? 1 + numbers_.below(400) : 0, finish);
      must(row.run());
    }
  }

  void sum_up(const Span& span, std::int64_t day) {
    const std::string length = std::to_string(span.length.count());
    std::string sql;
    append_all(sql, "INSERT INTO ", span.table, " (at, subject, price, ", sums_list(),
               ", energy_method, first_seq, last_seq) SELECT booked_at / ", length, " * ", length,
               ", subject, price, ", sums_of_rows(),
               ", max(energy_method), min(seq), max(seq) FROM ", partition_name(day),
               " WHERE terminal = 1 GROUP BY 1, 2, 3");
    must(database_.run(sql));
  }

  Database& database_;
  const Size& size_;
  WallTime now_;
  Random& random_;
  Numbers numbers_;
  std::int64_t seq_ = 0;
};

void make_all(const std::string& folder, const Size& size) {
  std::filesystem::create_directories(folder);
  const auto clock = rt::make_system_clock();
  const auto random = rt::make_system_random();
  UlidSource ids(*clock, *random);
  const std::vector<Owner> owners = make_control(folder, *clock, ids, size);
  const std::string path = folder + "/ledger.db";
  LedgerOptions options;
  options.reserve_bytes = 0;
  must(open_ledger(real_disk(), path, *clock, make_thread_runner(*clock), options)).reset();
  Database database = must(Database::open(real_disk(), path, {.create = false}));
  must(database.execute("PRAGMA synchronous=OFF; PRAGMA cache_size=-400000"));
  write_subjects(database, owners);
  Books(database, size, clock->wall_now(), *random).write();
}

}  // namespace
}  // namespace sovmesh::store_sqlite

int main(int argc, char** argv) {
  sovmesh::store_sqlite::Size size;
  const auto number = [&](int at, std::int64_t usual) {
    return argc > at ? std::strtoll(argv[at], nullptr, 10) : usual;
  };
  size.tenants = number(2, size.tenants);
  size.keys = number(3, size.keys);
  size.rows = number(4, size.rows);
  size.days = number(5, size.days);
  const bool fits = size.tenants > 0 && size.keys >= size.tenants && size.keys < 1'000'000 &&
                    size.rows >= size.days && size.days > 1;
  if (argc < 2 || !fits) {
    std::fprintf(stderr, "usage: admin_data FOLDER [TENANTS [KEYS [ROWS [DAYS]]]]\n");
    return 2;
  }
  sovmesh::store_sqlite::make_all(argv[1], size);
  return 0;
}

// What a settled request costs the ledger, in CPU time, beside the same rows written by a bare loop
// of prepared statements on the same SQLite and disk; and how many it takes when a sync takes long.
//
//   ledger_rows [REQUESTS]
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rt/real.h"
#include "store_sqlite/ledger_schema.h"
#include "store_sqlite/open.h"
#include "tests/contract/post_loop.h"
#include "tests/contract/sqlite_place.h"

namespace sovmesh::store_sqlite {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using store::OpenRow;

constexpr int kSubjects = 8;  // keys at work at the same time

template <class T>
T must(Result<T> result) {
  if (result) return *std::move(result);
  std::fprintf(stderr, "ledger_rows: %s\n", result.error().message().c_str());
  std::exit(1);
}
void must(const Result<void>& result) {
  if (result) return;
  std::fprintf(stderr, "ledger_rows: %s\n", result.error().message().c_str());
  std::exit(1);
}

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

rt::Task<void> open_into(store::Ledger& ledger, metering::Intent intent, rt::Loop& loop,
                         std::optional<Result<OpenRow>>& out) {
  out.emplace(co_await ledger.open(std::move(intent), loop));
}

KeyId key_of(int n) {
  return *KeyId::parse("abcdefghijk" + std::string(1, static_cast<char>('A' + n)));
}

std::shared_ptr<const metering::Price> bench_price() {
  return must(metering::Price::make({.model = "tiny",
                                     .currency = "EUR",
                                     .input = 500'000,
                                     .cached_input = 50'000,
                                     .output = 1'500'000,
                                     .prompt_ns = 20'000,
                                     .output_ns = 5'000'000,
                                     .milliwatts = 350'000}));
}

struct Shape {
  int batch = 0;     // requests of a commit
  int requests = 0;  // in all
};

// CPU seconds a request. Each commit opens `batch` requests and settles those of the commit before.
double by_the_ledger(const Shape& shape, const Clock& clock, bool& say_size) {
  const TempFolder folder;
  const auto random = rt::make_system_random();
  PostLoop loop(clock);
  auto runner = std::make_unique<ManualRunner>();
  ManualRunner& writer = *runner;
  LedgerOptions options;
  options.commit_interval = microseconds(0);
  options.reserve_bytes = 0;
  auto ledger = must(
      open_ledger(real_disk(), folder.path() + "/ledger.db", clock, std::move(runner), options));
  UlidSource ids(clock, *random);
  const auto price = bench_price();
  const TenantId tenant{ids.next()};
  const ProjectId project{ids.next()};
  struct Request {
    std::optional<Result<OpenRow>> result;
    rt::Task<void> task;
  };
  std::vector<Request> requests(static_cast<std::size_t>(shape.batch));
  const auto settle_all = [&] {
    for (Request& request : requests) {
      if (!request.result) continue;
      std::move(**request.result)
          .settle({.counts = {.prompt = 1'200,
                              .cached = 1'000,
                              .generated = 300,
                              .delivered = 300,
                              .source = metering::Source::engine_final},
                   .settled_at = clock.wall_now()});
      request.result.reset();
    }
  };
  const double before = cpu_seconds();
  for (int done = 0; done < shape.requests; done += shape.batch) {
    settle_all();
    for (int i = 0; i < shape.batch; ++i) {
      Request& request = requests[static_cast<std::size_t>(i)];
      request.task = open_into(*ledger,
                               {.request = {ids.next()},
                                .tenant = tenant,
                                .project = project,
                                .key = key_of(i % kSubjects),
                                .model = "tiny",
                                .engine = "local",
                                .opened_at = clock.wall_now(),
                                .price = price,
                                .model_revision = "r1",
                                .user = "ida",
                                .cost_centre = "4711"},
                               loop, request.result);
      request.task.start();
    }
    writer.step();
    if (!loop.run_until([&] { return requests.back().result.has_value(); })) std::exit(1);
  }
  settle_all();
  must(ledger->flush());
  const double seconds = cpu_seconds() - before;
  if (!must(ledger->verify()).clean()) {
    std::fputs("ledger_rows: the books drift\n", stderr);
    std::exit(1);
  }
  ledger.reset();
  if (shape.batch == 64 && std::exchange(say_size, false)) {
    const double bytes = static_cast<double>(must(real_disk().size(folder.path() + "/ledger.db")));
    std::printf("  %d requests take %.0f bytes each on disk, everything included\n", shape.requests,
                bytes / shape.requests);
  }
  return seconds / shape.requests;
}

// The bare loop: the same rows in the same tables by one prepared statement each. `grouped`: kept
// sums are moved once a commit for each subject, as the ledger does it; else once a request.
class BareLoop {
 public:
  BareLoop(const Clock& clock, bool grouped)
      : clock_(clock),
        grouped_(grouped),
        database_(must(open_migrated(real_disk(), folder_.path() + "/ledger.db", ledger_schema(),
                                     false, clock.wall_now()))) {
    const std::int64_t day = day_of(clock.wall_now());
    must(make_partition(database_, day));
    must(database_.execute("INSERT INTO tenant VALUES (1, zeroblob(16))"));
    for (int i = 1; i <= kSubjects; ++i)
      must(
          database_.run("INSERT INTO subject VALUES (?, 1, zeroblob(16), ?, 'tiny', 'local', 0, 0,"
                        " 'r1', 'ida', '4711', 'EUR')",
                        i, key_of(i - 1)));
    prepare(day);
  }

  // CPU seconds a request.
  double run(const Shape& shape) {
    const double before = cpu_seconds();
    for (int done = 0; done <= shape.requests; done += shape.batch) {
      must(begin_.run());
      const WallTime now = clock_.wall_now();
      close_all(now);
      for (int i = 0; i < shape.batch && done < shape.requests; ++i)
        open_one(now);
      must(commit_.run());
      if (database_.log_pages() >= 4'000) must(database_.checkpoint());
    }
    must(database_.checkpoint());
    return (cpu_seconds() - before) / shape.requests;
  }

 private:
  struct Sum {
    std::int64_t rows = 0;
    std::int64_t first = 0;
  };

  void prepare(std::int64_t day) {
    begin_ = must(database_.prepare("BEGIN IMMEDIATE"));
    commit_ = must(database_.prepare("COMMIT"));
    open_ = must(database_.prepare(
        "INSERT INTO open_row (no, rid, tenant, subject, price, boot, opened_at, prompt_estimate,"
        " output_max, reserved, characters, idem) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"));
    close_ = must(database_.prepare("DELETE FROM open_row WHERE no = ?"));
    row_ =
        must(database_.prepare("INSERT INTO " + partition_name(day) +
                               " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"));
    balance_ = must(database_.prepare(
        "INSERT INTO balance (subject, " + sums_list() +
        ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (subject) DO UPDATE SET " +
        sums_added()));
    for (const Span& span : kSpans)
      spans_.push_back(must(database_.prepare(
          "INSERT INTO " + std::string(span.table) +
          " (at, subject, price, energy_method, first_seq, last_seq, " + sums_list() +
          ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
          " ON CONFLICT (at, subject, price) DO UPDATE SET " +
          sums_added() + ", last_seq = excluded.last_seq")));
  }

  void open_one(WallTime now) {
    const Ulid rid = ids_.next();
    ++no_;
    open_.bind_all(no_, rid, 1, 1 + no_ % kSubjects, 1, 1, now, 0, 0, 0, 0, 0);
    must(open_.run());
    running_.emplace_back(no_, rid);
  }

  void close_all(WallTime now) {
    for (const auto& [number, rid] : running_) {
      close_.bind_all(number);
      must(close_.run());
      const std::int64_t subject = 1 + number % kSubjects;
      row_.bind_all(++seq_, rid, subject, 1, 1, now, now, 4'000, 4'000, 0, 0, 0, 0, 1, 1'200, 1'000,
                    300, 0, 300, 0, 0, 0, 600, 1'504'000, 526'000, 0, 3);
      must(row_.run());
      Sum& sum = sums_[static_cast<std::size_t>(subject - 1)];
      if (sum.rows++ == 0) sum.first = seq_;
      if (!grouped_) add_to_sums(subject, std::exchange(sum, {}), now);
    }
    for (std::size_t i = 0; i < sums_.size(); ++i)
      if (sums_[i].rows > 0)
        add_to_sums(static_cast<std::int64_t>(i) + 1, std::exchange(sums_[i], {}), now);
    running_.clear();
  }

  void add_to_sums(std::int64_t subject, const Sum& sum, WallTime now) {
    const std::int64_t n = sum.rows;
    balance_.bind_all(subject, n, n * 1'200, n * 1'000, n * 300, 0, n * 300, 0, n * 4'000, n * 600,
                      n * 1'504'000, n * 526'000, 0, 0, 0, 0);
    must(balance_.run());
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      spans_[i].bind_all(begin_of(kSpans[i], now), subject, 1, 3, sum.first, seq_, n, n * 1'200,
                         n * 1'000, n * 300, 0, n * 300, 0, n * 4'000, n * 600, n * 1'504'000,
                         n * 526'000, 0, 0, 0, 0);
      must(spans_[i].run());
    }
  }

  const Clock& clock_;
  const bool grouped_;
  const TempFolder folder_;
  const std::unique_ptr<Random> random_ = rt::make_system_random();
  UlidSource ids_{clock_, *random_};
  Database database_;
  Statement begin_;
  Statement commit_;
  Statement open_;
  Statement close_;
  Statement row_;
  Statement balance_;
  std::vector<Statement> spans_;
  std::int64_t no_ = 0;
  std::int64_t seq_ = 0;
  std::vector<Sum> sums_ = std::vector<Sum>(kSubjects);
  std::vector<std::pair<std::int64_t, Ulid>> running_;
};

// The machine's disk, whose syncs take so long at least.
class SlowDisk : public Disk {
 public:
  explicit SlowDisk(microseconds sync) {
    delay() = sync;
    inner() = &real_disk().vfs();
    vfs_ = *inner();
    vfs_.zName = "sovmesh-slow";
    vfs_.pNext = nullptr;
    vfs_.xOpen = [](sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out) {
      const int code = inner()->xOpen(inner(), name, file, flags, out);
      if (code != SQLITE_OK || file->pMethods == nullptr) return code;
      file->pMethods = slow_methods(file->pMethods);
      return code;
    };
    sqlite3_vfs_register(&vfs_, 0);
  }
  ~SlowDisk() override { sqlite3_vfs_unregister(&vfs_); }
  sqlite3_vfs& vfs() override { return vfs_; }
  Result<void> create_private(const std::string& path) override {
    return real_disk().create_private(path);
  }
  Result<void> allocate(const std::string& path, std::int64_t bytes) override {
    return real_disk().allocate(path, bytes);
  }
  Result<void> allocate_behind(const std::string& path, std::int64_t bytes) override {
    return real_disk().allocate_behind(path, bytes);
  }
  Result<std::int64_t> free_bytes(const std::string& path) override {
    return real_disk().free_bytes(path);
  }
  Result<void> make_folder(const std::string& path) override {
    return real_disk().make_folder(path);
  }
  Result<void> remove_folder(const std::string& path) override {
    return real_disk().remove_folder(path);
  }
  Result<std::vector<std::string>> list_folder(const std::string& path) override {
    return real_disk().list_folder(path);
  }

 private:
  // Databases and their logs have different methods, with one xSync.
  static const sqlite3_io_methods* slow_methods(const sqlite3_io_methods* real) {
    static std::deque<std::pair<const sqlite3_io_methods*, sqlite3_io_methods>> known;
    for (const auto& [original, slow] : known)
      if (original == real) return &slow;
    real_sync() = real->xSync;
    auto& [original, slow] = known.emplace_back(real, *real);
    slow.xSync = [](sqlite3_file* synced, int how) {
      ::usleep(static_cast<useconds_t>(delay().count()));
      return real_sync()(synced, how);
    };
    return &slow;
  }
  static decltype(sqlite3_io_methods::xSync)& real_sync() {
    static decltype(sqlite3_io_methods::xSync) sync = nullptr;
    return sync;
  }
  static sqlite3_vfs*& inner() {
    static sqlite3_vfs* vfs = nullptr;
    return vfs;
  }
  static microseconds& delay() {
    static microseconds value{0};
    return value;
  }
  sqlite3_vfs vfs_{};
};

rt::Task<void> client(store::Ledger& ledger, rt::Loop& loop, UlidSource& ids, TenantId tenant,
                      int n, std::shared_ptr<const metering::Price> price,
                      std::vector<double>& waits, const bool& stop) {
  while (!stop) {
    metering::Intent intent{.request = {ids.next()},
                            .tenant = tenant,
                            .key = key_of(n % kSubjects),
                            .model = "tiny",
                            .opened_at = loop.clock().wall_now(),
                            .price = price};
    const Instant before = loop.clock().now();
    Result<OpenRow> row = co_await ledger.open(std::move(intent), loop);
    if (!row) co_return;
    waits.push_back(std::chrono::duration<double, std::milli>(loop.clock().now() - before).count());
    std::move(*row).settle({.counts = {.prompt = 100, .generated = 10}});
  }
}

void with_slow_syncs(microseconds sync, int clients, const Clock& clock) {
  const TempFolder folder;
  SlowDisk disk(sync);
  const auto random = rt::make_system_random();
  PostLoop loop(clock);
  auto ledger = must(open_ledger(disk, folder.path() + "/ledger.db", clock,
                                 make_thread_runner(clock), {.reserve_bytes = 0}));
  UlidSource ids(clock, *random);
  const TenantId tenant{ids.next()};
  std::vector<double> waits;
  waits.reserve(2'000'000);
  bool stop = false;
  std::vector<rt::Task<void>> tasks;
  for (int i = 0; i < clients; ++i) {
    tasks.push_back(client(*ledger, loop, ids, tenant, i, bench_price(), waits, stop));
    tasks.back().start();
  }
  const Instant begin = clock.now();
  loop.run_until([&] { return clock.now() - begin > std::chrono::seconds(3); });
  const double seconds = std::chrono::duration<double>(clock.now() - begin).count();
  const auto rows = static_cast<double>(waits.size());
  const std::uint64_t commits = ledger->stats().commits;
  stop = true;
  loop.run_until(
      [&] { return std::ranges::all_of(tasks, [](const auto& task) { return task.done(); }); });
  must(ledger->flush());
  std::ranges::sort(waits);
  std::printf(
      "  sync %4.1f ms, %5d at once: %7.0f requests/s, %6.1f a commit, an intent waits"
      " %.1f ms (p50), %.1f ms (p99)\n",
      static_cast<double>(sync.count()) / 1e3, clients, rows / seconds,
      rows / static_cast<double>(std::max<std::uint64_t>(commits, 1)), waits[waits.size() / 2],
      waits[waits.size() * 99 / 100]);
}

int run(int requests) {
  const auto clock = rt::make_system_clock();
  std::printf("CPU of a settled request (intent, row, balance, three roll-ups), %d keys:\n",
              kSubjects);
  bool met = true;
  bool say_size = true;
  for (const int batch : {1, 10, 64}) {
    const Shape shape{.batch = batch, .requests = batch == 1 ? requests / 10 : requests};
    double ours = 1e9;
    double bare = 1e9;
    double naive = 1e9;
    for (int round = 0; round < 3; ++round) {  // in turn: whatever else the machine does hits all
      ours = std::min(ours, by_the_ledger(shape, *clock, say_size));
      bare = std::min(bare, BareLoop(*clock, true).run(shape));
      naive = std::min(naive, BareLoop(*clock, false).run(shape));
    }
    std::printf(
        "  %3d a commit: %6.2f us; bare loop, sums once a commit %6.2f us: ratio %.2f;"
        " sums once a request %6.2f us: ratio %.2f\n",
        batch, ours * 1e6, bare * 1e6, ours / bare, naive * 1e6, ours / naive);
    met = met && ours / bare <= 1.5;
  }
  std::printf("Throughput:\n");
  for (const int milli : {0, 5})
    for (const int clients : {64, 1'000})
      with_slow_syncs(milliseconds(milli), clients, *clock);
  std::printf("ratio at most 1.5: %s\n", met ? "met" : "MISSED");
  return met ? 0 : 1;
}

}  // namespace
}  // namespace sovmesh::store_sqlite

int main(int count, char** arguments) {
  return sovmesh::store_sqlite::run(count > 1 ? std::atoi(arguments[1]) : 200'000);
}

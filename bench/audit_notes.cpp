// What the audit log costs per request, in CPU time: of the worker that hands an entry over, and of
// the writer that makes it durable, with tiles, checkpoints and signatures. Prints JSON.
//   audit_notes FOLDER [ENTRIES]      FOLDER must not exist
#include <sys/stat.h>
#include <time.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "audit_files/audit_log.h"
#include "audit_files/signer.h"
#include "rt/real.h"

namespace sovmesh {
namespace {

std::int64_t cpu_nanoseconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

store::RequestEntry sample(const Clock& clock, Random& random,
                           const std::shared_ptr<const store::AuditPlace>& place, int i) {
  store::RequestEntry entry;
  entry.request = {Ulid::make(clock.wall_now(), random)};
  entry.tenant = {Ulid::from_bytes({1, 2, 3})};
  entry.project = {Ulid::from_bytes({4, 5, 6})};
  entry.user = "user" + std::to_string(i % 100) + "@example.com";
  entry.prompt_digest = sha256("prompt");
  entry.answer_digest = sha256("answer");
  entry.digest_key = "1";
  entry.place = place;
  entry.model = "sovmesh-tiny";
  entry.model_revision = "0123456789ab";
  entry.status = 200;
  entry.counts = {.prompt = 1'000, .cached = 500, .generated = 200, .delivered = 200};
  entry.price = "p-0123456789ab";
  entry.cost_micro = 1'234;
  entry.currency = "EUR";
  entry.began = clock.wall_now();
  return entry;
}

int run(int argc, char** argv) {
  const std::string root = argc > 1 ? argv[1] : "";
  const int entries = argc > 2 ? std::atoi(argv[2]) : 200'000;
  if (root.empty() || ::mkdir(root.c_str(), 0700) != 0) return 2;
  ::mkdir((root + "/secrets").c_str(), 0700);
  const auto clock = rt::make_system_clock();
  const auto random = rt::make_system_random();
  audit_files::Files& files = audit_files::real_files();
  const audit_files::Options options{.folder = root + "/audit", .secrets = root + "/secrets"};
  const auto make =
      [&](const audit_files::SignerPlace& place) -> Result<std::unique_ptr<audit_files::Signer>> {
    TRY(audit_files::FileSigner signer, audit_files::FileSigner::open(files, *random, place));
    return std::make_unique<audit_files::FileSigner>(std::move(signer));
  };
  auto log = audit_files::open_audit(files, *clock, *random, options, make,
                                     audit_files::WriterRuns::on_thread);
  if (!log) return 1;
  const auto place =
      std::make_shared<const store::AuditPlace>(store::AuditPlace{.engine = "engine-1",
                                                                  .host = "10.1.2.3:8000",
                                                                  .site = "copenhagen",
                                                                  .jurisdiction = "DK",
                                                                  .egress = "10.1.2.3"});
  const auto began = clock->now();
  const std::int64_t process_before = cpu_nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
  std::int64_t note = 0;
  std::int64_t idle = 0;
  for (int i = 0; i < entries; ++i) {
    const std::int64_t made = cpu_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    store::RequestEntry entry = sample(*clock, *random, place, i);
    const std::int64_t before = cpu_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
    (*log)->note(std::move(entry));
    note += cpu_nanoseconds(CLOCK_THREAD_CPUTIME_ID) - before;
    idle += before - made;
    if (i % 64 == 0) {
      while ((*log)->stats().waiting > 4'096)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  if (!(*log)->flush(std::chrono::seconds(60))) return 1;
  const std::int64_t all = cpu_nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - process_before;
  const std::int64_t ours = cpu_nanoseconds(CLOCK_THREAD_CPUTIME_ID);
  const double seconds = std::chrono::duration<double>(clock->now() - began).count();
  const store::AuditStats stats = (*log)->stats();
  std::printf(R"({"entries":%llu,"gaps":%llu,"seconds":%.2f,"entries_per_second":%.0f,)"
              R"("note_ns":%.0f,"writer_ns":%.0f,"commits":%llu,"checkpoints":%llu})"
              "\n",
              static_cast<unsigned long long>(stats.size),
              static_cast<unsigned long long>(stats.gaps), seconds, entries / seconds,
              static_cast<double>(note) / entries, static_cast<double>(all - ours) / entries,
              static_cast<unsigned long long>(stats.commits),
              static_cast<unsigned long long>(stats.checkpoints));
  return stats.gaps == 0 && idle > 0 ? 0 : 1;
}

}  // namespace
}  // namespace sovmesh

int main(int argc, char** argv) { return sovmesh::run(argc, argv); }

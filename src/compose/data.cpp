#include "compose/data.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <fstream>

#include "base/bytes.h"
#include "compose/audit.h"
#include "replay_files/replay_files.h"
#include "store/passing_ledger.h"
#include "store_sqlite/open.h"

namespace sovmesh::compose {
namespace {

constexpr std::int32_t kFirstPepper = 1;

constexpr std::size_t kSecretBytes = 32;

// A secret of our own in a file that only this user may read; made at the first start. Later its
// absence is an error: what depends on it would be lost without a word.
Result<Secret> own_secret(const std::string& path, Random& random, bool may_be_new) {
  if (std::ifstream file(path); file) {
    std::string text;
    std::getline(file, text);
    if (text.size() >= 2 * kSecretBytes) return Secret(std::move(text));
    return our_error(Code::data_dir_invalid,
                     fmt::format("'{}' is empty or cut short: restore it from a backup", path));
  }
  if (!may_be_new) {
    return our_error(
        Code::data_dir_invalid,
        fmt::format("'{}' is missing, and keys were made with it: restore it from a backup. "
                    "(To give up these keys, make the file with a line of 64 random characters.)",
                    path));
  }
  std::array<unsigned char, kSecretBytes> bytes{};
  random.fill(bytes);
  Secret made(to_hex(bytes));
  const mode_t before = ::umask(0077);
  std::ofstream file(path);
  ::umask(before);
  file << made.reveal() << '\n';
  file.close();
  if (!file) return our_error(Code::data_dir_invalid, fmt::format("cannot write '{}'", path));
  return made;
}

// Tells the ledger one output token less than there was: a check that compares counts must notice.
class SabotagedLedger : public store::PassingLedger {
 public:
  using PassingLedger::PassingLedger;

 protected:
  void settle(RequestId request, const metering::Settlement& settlement, Haste haste) override {
    metering::Settlement less = settlement;
    if (less.counts.generated > 0) --less.counts.generated;
    PassingLedger::settle(request, less, haste);
  }
};

class SqliteData : public Process::Data {
 public:
  SqliteData(store_sqlite::DataDir folder, Random& random)
      : folder_(std::move(folder)), random_(random) {}

  // A start that fails gives back what it was lent, too.
  ~SqliteData() override {
    if (ledger_ != nullptr)
      start_is_over();
    else
      (void)store_sqlite::take_back(store_sqlite::real_disk(),
                                    store_sqlite::reserve_path(folder_.ledger_db()), loan_->bytes);
  }

  Result<void> open(const config::Config& config, const Clock& clock, const observe::Log& log,
                    bool sabotage) {
    configured_pepper_ = config.security.pepper;
    auto& disk = store_sqlite::real_disk();
    TRY(loan_->bytes, store_sqlite::lend_reserve(disk, folder_.ledger_db(), kStartRoom));
    TRY(control_, store_sqlite::open_control_store(disk, folder_.control_db(), clock));
    const auto has_all = std::make_shared<std::atomic<bool>>(false);
    TRY(audit_, open_audit_log(folder_.path(), config.audit, clock, random_, log, has_all));
    store_sqlite::LedgerOptions options;
    // The log ends before the ledger.
    if (audit_ != nullptr) options.is_all_told = [has_all] { return has_all->load(); };
    options.loan = loan_;
    options.ended = [this](const std::vector<RequestId>& requests) { return ended(requests); };
    options.retention.rows = std::chrono::days(config.ledger.keep_days);
    TRY(ledger_, store_sqlite::open_ledger(disk, folder_.ledger_db(), clock,
                                           store_sqlite::make_thread_runner(clock), options));
    if (sabotage) ledger_ = std::make_unique<SabotagedLedger>(std::move(ledger_));
    TRY(const Secret replay_key, own_secret(folder_.secrets() + "/replay.key", random_, true));
    TRY(replays_,
        replay_files::ReplayFiles::open(folder_.path() + "/replay", replay_key, clock, random_));
    TRY(admin_token_, own_secret(folder_.path() + "/admin.token", random_, true));
    if (::mkdir(run_dir().c_str(), 0700) != 0 && errno != EEXIST) {
      return our_error(Code::data_dir_invalid, fmt::format("cannot make '{}'", run_dir()));
    }
    return {};
  }

  void start_is_over() override { loan_->is_over = true; }
  store::ControlStore& control() override { return *control_; }
  store::Ledger& ledger() override { return *ledger_; }
  std::shared_ptr<store::Audit> audit() override { return audit_; }
  store::ReplayStore& replays() override { return *replays_; }
  Result<std::map<std::int32_t, Secret>> peppers() override {
    if (configured_pepper_)
      return std::map<std::int32_t, Secret>{{kFirstPepper, *configured_pepper_}};
    TRY(const auto held, control_->load());
    TRY(Secret pepper, own_secret(fmt::format("{}/pepper.{}", folder_.secrets(), kFirstPepper),
                                  random_, held.keys.empty()));
    return std::map<std::int32_t, Secret>{{kFirstPepper, std::move(pepper)}};
  }
  std::string run_dir() const override { return folder_.path() + "/run"; }
  std::string admin_socket() const override { return folder_.path() + "/admin.sock"; }
  Secret admin_token() const override { return admin_token_; }

 private:
  // What the audit log has of requests whose rows are open. One that cannot be read knows nothing.
  std::map<RequestId, metering::Counts> ended(const std::vector<RequestId>& requests) {
    if (audit_ == nullptr) return {};
    return audit_->ended(requests).value_or(std::map<RequestId, metering::Counts>());
  }

  store_sqlite::DataDir folder_;
  Random& random_;
  std::optional<Secret> configured_pepper_;
  std::shared_ptr<store_sqlite::Loan> loan_ = std::make_shared<store_sqlite::Loan>();
  std::unique_ptr<store::ControlStore> control_;
  std::unique_ptr<store::Ledger> ledger_;
  std::shared_ptr<store::Audit> audit_;
  std::unique_ptr<replay_files::ReplayFiles> replays_;
  Secret admin_token_;
};

}  // namespace

Result<std::unique_ptr<Process::Data>> Process::Data::open(const std::string& path,
                                                           const config::Config& config,
                                                           const Clock& clock, Random& random,
                                                           const observe::Log& log,
                                                           bool sabotage_drop_one_token) {
  TRY(store_sqlite::DataDir folder, store_sqlite::DataDir::open(path));
  auto data = std::make_unique<SqliteData>(std::move(folder), random);
  TRY_VOID(data->open(config, clock, log, sabotage_drop_one_token));
  return data;
}

}  // namespace sovmesh::compose

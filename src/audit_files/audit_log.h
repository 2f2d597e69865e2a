#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "audit_files/files.h"
#include "audit_files/mailbox.h"
#include "audit_files/options.h"
#include "audit_files/reader.h"
#include "audit_files/witnesses.h"
#include "audit_files/writer.h"
#include "base/clock.h"
#include "base/random.h"
#include "rt/semaphore.h"
#include "store/audit.h"

namespace sovmesh::audit_files {

// Opens (or begins) the audit log in `options.folder`. Code::data_dir_invalid for one that must not
// be gone on with: damaged, shorter than what was signed, without its keys.
Result<std::unique_ptr<store::Audit>> open_audit(Files& files, const Clock& clock, Random& random,
                                                 const Options& options,
                                                 const MakeSigner& make_signer, WriterRuns runs);

class AuditLog final : public store::Audit {
 public:
  AuditLog(Files& files, const Clock& clock, const Options& options, std::unique_ptr<Shared> shared,
           std::unique_ptr<Writer> writer, WriterRuns runs);
  ~AuditLog() override;

  void note(store::RequestEntry entry) override;
  void note_stranger(std::string_view why) override;
  void hold_refusals(bool on) override;
  bool accepts() const override;
  Result<store::AuditReceipt> append(store::AdminEntry entry) override;
  Result<void> append_requests(std::vector<store::RequestEntry> entries) override;
  Result<std::map<RequestId, metering::Counts>> ended(
      const std::vector<RequestId>& requests) override;
  Result<store::AuditPage> list(const store::AuditFilter& filter, std::size_t limit) override;
  Result<store::AuditRecord> entry(std::uint64_t index) override;
  Result<store::AuditRecord> find(RequestId request) override;
  using store::Audit::prove;
  Result<store::AuditProof> prove(std::uint64_t index, std::optional<std::uint64_t> size) override;
  Result<std::string> detail(std::uint64_t index) override;
  Result<std::string> checkpoint(bool now) override;
  Result<std::string> verifier_keys() override;
  Result<std::string> served(std::string_view path) override;
  Result<void> add_witnessed(std::string_view note) override;
  store::AuditStats stats() const override;
  bool knows(const store::AuditSubject& subject) override;
  Result<store::AuditReceipt> erase(const store::AuditSubject& subject,
                                    store::AdminEntry entry) override;
  Result<store::AuditReceipt> hold(const store::AuditSubject& subject, bool on,
                                   store::AdminEntry entry) override;
  Result<std::vector<store::AuditHold>> holds() override;
  Result<store::AuditReceipt> rotate_key(store::AdminEntry entry) override;
  Result<void> flush(std::chrono::milliseconds limit) override;
  // One round of the writer, for tests of one that runs inline.
  Pause step() { return writer_->run_once(); }

 private:
  Result<store::AuditReceipt> order(Order::Kind kind, store::AdminEntry entry,
                                    store::AuditSubject subject, std::chrono::milliseconds limit);
  Result<store::AuditReceipt> hand_over(const SharedOrder& made, std::chrono::milliseconds limit);
  void catch_up();
  void wake();
  void run();

  const Clock& clock_;
  std::unique_ptr<Shared> shared_;
  Reader reader_;
  Witnesses witnesses_;
  std::unique_ptr<Writer> writer_;
  WriterRuns runs_;
  std::chrono::milliseconds order_max_;
  std::shared_ptr<SignerTroubles> signer_troubles_;
  std::shared_ptr<std::atomic<bool>> has_all_;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace sovmesh::audit_files

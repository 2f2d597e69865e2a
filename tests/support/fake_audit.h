#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/audit.h"

namespace sovmesh {

// An audit log in memory, without signatures: it keeps what it is told, in order.
class FakeAudit : public store::Audit {
 public:
  struct Entry {
    std::optional<store::RequestEntry> request;
    std::optional<store::AdminEntry> admin;
  };
  std::vector<Entry> entries;
  bool broken = false;  // append() fails, requests are counted as gaps
  std::uint64_t gaps = 0;

  std::vector<store::RequestEntry> requests() const {
    std::vector<store::RequestEntry> all;
    for (const Entry& entry : entries)
      if (entry.request) all.push_back(*entry.request);
    return all;
  }

  void note(store::RequestEntry entry) override {
    if (broken)
      ++gaps;
    else
      entries.push_back({.request = std::move(entry), .admin = {}});
  }
  std::vector<std::string> strangers;
  void note_stranger(std::string_view why) override { strangers.emplace_back(why); }
  bool holds_refusals = false;
  void hold_refusals(bool on) override { holds_refusals = on; }
  bool accepts() const override { return !broken; }
  Result<store::AuditReceipt> append(store::AdminEntry entry) override {
    if (broken) return fail(refusal());
    entries.push_back({.request = {}, .admin = std::move(entry)});
    return store::AuditReceipt{entries.size() - 1};
  }
  Result<void> append_requests(std::vector<store::RequestEntry> added) override {
    if (broken) return fail(refusal());
    for (store::RequestEntry& one : added)
      if (!find(one.request)) note(std::move(one));
    return {};
  }
  Result<std::map<RequestId, metering::Counts>> ended(
      const std::vector<RequestId>& wanted) override {
    std::map<RequestId, metering::Counts> out;
    for (const store::RequestEntry& one : requests())
      if (std::ranges::find(wanted, one.request) != wanted.end()) out[one.request] = one.counts;
    return out;
  }
  Result<store::AuditPage> list(const store::AuditFilter&, std::size_t) override {
    return store::AuditPage();
  }
  Result<store::AuditRecord> entry(std::uint64_t index) override {
    if (index >= entries.size()) return client_error(Code::not_found, "no such entry");
    return store::AuditRecord{.index = index, .bytes = R"({"fake":true})"};
  }
  Result<store::AuditRecord> find(RequestId request) override {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].request && entries[i].request->request == request) return entry(i);
    }
    return client_error(Code::not_found, "no such entry");
  }
  Result<store::AuditProof> prove(std::uint64_t index, std::optional<std::uint64_t>) override {
    return store::AuditProof{
        .index = index, .hashes = {Digest{0xab}}, .checkpoint = *checkpoint(true)};
  }
  Result<std::string> detail(std::uint64_t) override {
    return client_error(Code::not_found, "no detail");
  }
  Result<std::string> checkpoint(bool) override {
    return "fake.example/log\n" + std::to_string(entries.size()) + "\nAAAA\n";
  }
  Result<std::string> verifier_keys() override { return std::string(); }
  Result<std::string> served(std::string_view) override {
    return client_error(Code::not_found, "no such file");
  }
  Result<void> add_witnessed(std::string_view) override {
    return client_error(Code::invalid_value, "no such witness");
  }
  store::AuditStats stats() const override { return {.size = entries.size(), .gaps = gaps}; }
  bool knows(const store::AuditSubject&) override { return true; }
  Result<store::AuditReceipt> erase(const store::AuditSubject&, store::AdminEntry entry) override {
    return append(std::move(entry));
  }
  Result<store::AuditReceipt> hold(const store::AuditSubject&, bool,
                                   store::AdminEntry entry) override {
    return append(std::move(entry));
  }
  Result<std::vector<store::AuditHold>> holds() override { return std::vector<store::AuditHold>(); }
  Result<store::AuditReceipt> rotate_key(store::AdminEntry entry) override {
    return append(std::move(entry));
  }
  Result<void> flush(std::chrono::milliseconds) override { return {}; }
};

}  // namespace sovmesh

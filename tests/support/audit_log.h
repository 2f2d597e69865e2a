#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/sign.h"
#include "ledgerlog/checkpoint.h"
#include "ledgerlog/entry.h"
#include "tests/support/memory_log.h"

// A complete, signed audit log for tests: entries of all kinds, one rotation of the key, a witness.
namespace sovmesh::ledgerlog {

inline constexpr std::string_view kAuditOrigin = "sovmesh.example/audit";
inline constexpr std::string_view kAuditWitness = "witness.example/w1";

inline WallTime audit_time(std::uint64_t seq) {
  constexpr std::int64_t kBegin = 1'795'595'400;  // 2026-11-25T08:30:00Z
  return WallTime(std::chrono::seconds(kBegin + static_cast<std::int64_t>(seq)));
}

inline std::string repeated_hex(std::string_view digits) {
  std::string text;
  while (text.size() < 64)
    text += digits;
  return text;
}

inline std::string sample_rid(std::uint64_t seq) {
  std::string hex = std::to_string(seq);
  return "req_" + std::string(32 - hex.size(), '0') + hex;
}

inline RequestEntry sample_request(std::uint64_t seq) {
  return {.tenant = "01JD9Z3M4N5P6Q7R8S9TAVBWCX",
          .project = "01JD9Z3M4N5P6Q7R8S9TAVBWCY",
          .rid = sample_rid(seq),
          .key = "Ab3dEf6hIj9k",
          .actor_ref = repeated_hex("a0"),
          .operation = "chat",
          .start = audit_time(seq) - std::chrono::milliseconds(500),
          .model = "aurora/chat-8b@3",
          .model_digest = repeated_hex("b1"),
          .engine = "gpu-1",
          .host = "node3.aurora.example",
          .site = "zurich-1",
          .jurisdiction = "CH",
          .egress = "none",
          .status = 200,
          .finish = "stop",
          .outcome = "ok",
          .tokens_in = 113 + seq,
          .tokens_cached = 100,
          .tokens_out = 50 + seq,
          .prompt_digest = repeated_hex("c2"),
          .answer_digest = repeated_hex("d3"),
          .digest_key = "2026-11-25",
          .rules = "",
          .ledger_ref = "settle/" + std::to_string(seq),
          .price_ver = "p4",
          .cost_micro = 1234,
          .currency = "CHF",
          .policy_ver = "12",
          .config_hash = repeated_hex("e4"),
          .ct_hash = ""};
}

inline AdminEntry sample_admin(std::uint64_t seq) {
  return {.tenant = "01JD9Z3M4N5P6Q7R8S9TAVBWCX",
          .actor_type = "user",
          .actor_ref = repeated_hex("a0"),
          .auth = "admin-token",
          .action = "key.revoke",
          .object_ref = "key/Ab3dEf6hIj9k",
          .subject_ref = "",
          .outcome = "ok",
          .rid = sample_rid(seq),
          .before = repeated_hex("f5"),
          .after = "",
          .count = 1,
          .reason = "lost \"laptop\" \u2014\n" + std::to_string(seq),
          .policy_ver = "12",
          .config_hash = "",
          .ct_hash = ""};
}

// Takes entries, numbers and dates them, and signs.
class AuditLog {
 public:
  AuditLog() : key_(signer('a')) { add(*make_key_start(kAuditOrigin, key_)); }

  static SigningKey signer(char seed) { return *SigningKey::from_seed(std::string(32, seed)); }
  static NoteKey note_key(char seed) {
    return *NoteKey::make(kAuditOrigin, NoteAlgorithm::ed25519, signer(seed).verify_key());
  }
  static NoteKey witness_key() {
    return *NoteKey::make(kAuditWitness, NoteAlgorithm::cosignature_v1, signer('w').verify_key());
  }
  // The auditor knows the first key only.
  static LogKeys first_key() {
    return LogKeys({{.key = note_key('a'), .from = 0, .until = std::nullopt}});
  }

  // The bytes of the entry.
  std::string add(const EntryBody& body) { return add(body, audit_time(log.edge.size())); }
  std::string add(const EntryBody& body, WallTime time) {
    return add_bytes(write_entry({.seq = log.edge.size(), .time = time}, body).value());
  }
  std::string add_bytes(std::string bytes) {
    if (log.edge.size() % 1000 == 0) log.flush();
    log.append(bytes);
    return bytes;
  }
  // Requests, every tenth entry an admin one.
  void fill_to(std::uint64_t size) {
    for (std::uint64_t seq = log.edge.size(); seq < size; ++seq)
      add(seq % 10 == 9 ? EntryBody(sample_admin(seq)) : EntryBody(sample_request(seq)));
  }
  void rotate(char seed) {
    SigningKey next = signer(seed);
    add(*make_key_rotation(kAuditOrigin, log.edge.size(), key_, next.verify_key()));
    key_ = std::move(next);
  }
  std::string sign() {
    log.flush();
    return sign_checkpoint(checkpoint(), key_);
  }
  std::string sign_and_cosign() {
    std::string bytes = sign();
    bytes += format_signature_line(
        cosign_note(format_checkpoint(checkpoint()), kAuditWitness, signer('w'),
                    std::chrono::floor<std::chrono::seconds>(audit_time(log.edge.size()))));
    return bytes;
  }
  Checkpoint checkpoint() const {
    return {.origin = std::string(kAuditOrigin),
            .size = log.edge.size(),
            .root = log.edge.root(),
            .extensions = {}};
  }

  MemoryLog log;

 private:
  SigningKey key_;
};

}  // namespace sovmesh::ledgerlog

#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/priority_class.h"
#include "base/result.h"
#include "metering/usage.h"

namespace sovmesh::store {

// Where one engine works: the same for every request that it answers, so that an entry holds a
// pointer to it. Make one per engine and configuration.
struct AuditPlace {
  std::string engine;
  std::string host;          // "10.1.2.3:8000"; "local" for an engine of this machine
  std::string site;          // as the operator named it
  std::string jurisdiction;  // "DK"
  std::string egress;        // the host that prompts are sent to; empty: they stay on this machine
};
// The egress of what a crash left: nobody knows where its engine was.
inline constexpr std::string_view kEgressUnknown = "unknown";

// What the log keeps of one request: never a text, only digests under the tenant's key. `user` is
// personal data: it reaches the log as a pseudonym alone.
struct RequestEntry {
  RequestId request;
  TenantId tenant;
  ProjectId project;
  std::optional<KeyId> key;
  std::string user;  // owner of the key; may be empty
  metering::Operation operation = metering::Operation::chat;
  std::optional<Digest> prompt_digest;  // HMAC-SHA256 under the tenant's digest key
  std::optional<Digest> answer_digest;
  std::string digest_key;                                  // id of that key
  std::shared_ptr<const AuditPlace> place;                 // null: no engine was asked
  std::vector<std::shared_ptr<const AuditPlace>> earlier;  // others that it was sent to
  std::shared_ptr<const AuditPlace> mirror;                // that got a copy of it; null: none
  std::string model;                                       // public name
  std::string model_revision;                              // may be empty
  std::string model_digest;                                // of the version's files; may be empty
  int status = 0;                                          // of the HTTP answer
  bool refused = false;                                    // an error, and nothing is in the ledger
  std::string code;                                        // of the error; empty: none
  metering::Finish finish = metering::Finish::stop;
  metering::Counts counts;
  std::string price;                       // version id; empty: unpriced
  std::optional<std::int64_t> cost_micro;  // as the ledger computed it, when known
  std::optional<RequestId> settled;        // whose row in the ledger: of a replay the first one's
  std::string currency;
  std::optional<PriorityClass> priority;  // once it has asked for a seat
  std::string pool;  // of its engines, of one that has; empty: they are in none
  WallTime began{};
  WallTime ended{};

  // It got the answer of an earlier request.
  bool is_replay() const { return settled && *settled != request; }
};

// Whose personal data: a user of a tenant, or a person who acted on the system (no tenant).
struct AuditSubject {
  std::optional<TenantId> tenant;
  std::string id;  // a key's owner, or an AdminEntry's actor
};

// A legal hold that is on.
struct AuditHold {
  std::string id;  // opaque, for paging
  AuditSubject subject;
  bool whole_tenant = false;  // else an empty `subject.id`: set before names were kept
  std::optional<WallTime> since;
  std::string reason;
};

// Something that somebody (or this program by itself) did to the system.
struct AdminEntry {
  // Who it was. A person's or a token's name is personal data and reaches the log as a pseudonym.
  // `token` is the one of the data folder, `user_token` a user by one of his access tokens.
  enum class Actor : std::uint8_t { system, token, local_user, config, key, user, user_token };

  std::string action;  // "key.create": 1..64 of [a-z0-9._], what happened
  std::optional<TenantId> tenant;
  Actor actor_type = Actor::system;
  std::string actor;             // "uid:1000"; empty: nobody but the program
  std::string object;            // "key:7Gh2...": kind and id, never somebody's name
  std::string outcome = "ok";    // "ok", "denied", "failed"
  std::optional<Digest> before;  // of the object's canonical text
  std::optional<Digest> after;
  std::string reason;  // why, for everybody to read: a few words, no personal data
  std::string config;  // revision in force; of "config.apply": in force from now on
  std::optional<Digest> config_digest;  // SHA-256 of that configuration
  std::string request;                  // id of the admin request; may be empty
  std::uint64_t count = 0;  // how many the entry stands for: rows exported, entries lost
  std::optional<AuditSubject> concerns;  // whose data it is about: a pseudonym in the log
  std::string detail;  // JSON, kept encrypted and outside of the log; may be empty
};

struct AuditReceipt {
  std::uint64_t index = 0;  // of the entry in the tree, from 0
};

// One entry as it stands in the log.
struct AuditRecord {
  std::uint64_t index = 0;
  std::string bytes;  // canonical: what is hashed into the tree (docs/audit.md)
};

struct AuditFilter {
  // Whether a '*' stands at the end alone, if at all.
  static bool is_pattern(std::string_view text) {
    return text.find('*') == text.npos || text.find('*') + 1 == text.size();
  }

  std::optional<TenantId> tenant;
  std::string action;  // this one, or with a '*' behind it all that begin so; empty: all
  std::string object;  // the same; empty: all
  std::optional<AuditSubject> subject;
  std::optional<WallTime> from;         // inclusive
  std::optional<WallTime> until;        // exclusive
  std::optional<std::uint64_t> before;  // only indices below: the next page
};
struct AuditPage {
  std::vector<AuditRecord> records;  // newest first
  // Where to go on when there may be more: the next page's `before`. A page may have fewer records
  // than asked for, or none, and still not be the last: what one call reads is bounded.
  std::optional<std::uint64_t> next;
};

// That an entry is in the tree that a checkpoint speaks for.
struct AuditProof {
  std::uint64_t index = 0;
  std::vector<Digest> hashes;  // RFC 6962 inclusion proof, from the leaf up
  std::string checkpoint;      // the signed note whose root it leads to
};

struct AuditStats {
  std::uint64_t size = 0;         // durable entries
  std::uint64_t signed_size = 0;  // of the last checkpoint
  std::uint64_t waiting = 0;      // entries handed over and not yet durable
  std::uint64_t gaps = 0;         // requests that got no entry, ever since the start
  std::uint64_t commits = 0;
  std::uint64_t failures = 0;  // writes, syncs and signatures that failed
  std::uint64_t checkpoints = 0;
  std::uint64_t sync_nanoseconds = 0;  // summed
  std::uint64_t signer_late = 0;       // deadlines that passed without the signer's answer
  std::uint64_t signer_killed = 0;     // times it was killed and started again because of that
  std::uint64_t summed = 0;  // refused requests that are in a sum instead of an entry of their own
};

// The audit log: entries in a Merkle tree that outsiders can verify, one writer with group commit.
//   A1  an admin entry is durable when append() returns
//   A2  no checkpoint is signed that is inconsistent with one signed before
//   A3  a request that got no entry is counted in a gap entry (count, and a hash over the request
//       ids) as soon as the log works again; a crash loses what waits and says so at the next
//       start, where those that were still running get theirs (append_requests())
//   A4  nothing personal is readable from the log: erasing a subject's key leaves every proof whole
class Audit {
 public:
  virtual ~Audit() = default;

  // Hands over the entry of a request that has ended. Any worker: never waits, never fails; the
  // queue is bounded, and what does not fit is counted (A3). Of refused ones the first of each key
  // and minute are entries; how many the others were is in one entry.
  virtual void note(RequestEntry entry) = 0;
  // A request of nobody that is known, and why: a word of ours. They are only counted, too. Any
  // worker, never waits.
  virtual void note_stranger(std::string_view why) = 0;
  // While on, refused requests are counted and nothing is written of them: the disk is full, and
  // what room is left belongs to the ledger. A kill loses a second of the counts. Any thread, never
  // waits.
  virtual void hold_refusals(bool on) = 0;
  // False while notes would become gaps. Gateways whose policy is to fail closed ask before they
  // dispatch, and answer with refusal().
  virtual bool accepts() const = 0;
  static Error refusal() {
    return Error(Code::dependency_unavailable, Blame::us, "the audit log takes no entries")
        .with_retry_after(std::chrono::seconds(10));
  }

  // Everything below blocks: call it on the blocking pool.

  // Returns when the entry is durable. An action whose entry cannot be written must not happen.
  virtual Result<AuditReceipt> append(AdminEntry entry) = 0;

  // Entries of requests that ended long ago, durable on return, in this order. Those that the log
  // has already are passed over, so it may be done again.
  virtual Result<void> append_requests(std::vector<RequestEntry> entries) = 0;

  // What those of these requests came to that have an entry: as the ledger was told when they
  // ended, or nothing where it was told nothing. Reads all entries from the oldest of them on.
  virtual Result<std::map<RequestId, metering::Counts>> ended(
      const std::vector<RequestId>& requests) = 0;

  // Newest first, at most `limit` records.
  virtual Result<AuditPage> list(const AuditFilter& filter, std::size_t limit) = 0;
  virtual Result<AuditRecord> entry(std::uint64_t index) = 0;  // Code::not_found beyond the end
  virtual Result<AuditRecord> find(RequestId request) = 0;     // Code::not_found
  // Of an entry in the tree of the last checkpoint, which is made now when it does not cover the
  // entry; or in the tree of `size` entries, for proofs that go with a checkpoint of before (then
  // the answer holds none).
  virtual Result<AuditProof> prove(std::uint64_t index, std::optional<std::uint64_t> size) = 0;
  Result<AuditProof> prove(std::uint64_t index) { return prove(index, std::nullopt); }
  // The encrypted part of an entry in clear; Code::not_found when there is none, or no longer.
  virtual Result<std::string> detail(std::uint64_t index) = 0;
  // The latest signed note. `now`: one that covers everything durable.
  virtual Result<std::string> checkpoint(bool now) = 0;
  // The verifier keys and the sizes they are valid for, as `verify` wants them.
  virtual Result<std::string> verifier_keys() = 0;
  // A file that is served: "checkpoint", "witnessed", "keys", "tile/0/000",
  // "tile/entries/x001/002.p/17". Code::not_found for everything else.
  virtual Result<std::string> served(std::string_view path) = 0;
  // A checkpoint of this log with the cosignature of a witness that the configuration names: kept
  // as the served file "witnessed" until a larger one comes. Code::invalid_value for another log's,
  // a forged one, or one that no such witness has signed.
  virtual Result<void> add_witnessed(std::string_view note) = 0;
  virtual AuditStats stats() const = 0;

  // Whether the log has a key of the subject: it did something, or something concerned it.
  virtual bool knows(const AuditSubject& subject) = 0;
  // Destroys a subject's keys, and writes an entry that says so. Code::conflict while it is held.
  virtual Result<AuditReceipt> erase(const AuditSubject& subject, AdminEntry entry) = 0;
  // Legal hold: nothing of the subject, or of the whole tenant when `subject.id` is empty, is
  // erased or dropped by age while it is on. Code::not_found when one is taken off that is not on.
  virtual Result<AuditReceipt> hold(const AuditSubject& subject, bool on, AdminEntry entry) = 0;
  virtual Result<std::vector<AuditHold>> holds() = 0;  // those that are on
  // A new signing key, announced under the old one.
  virtual Result<AuditReceipt> rotate_key(AdminEntry entry) = 0;
  // Waits until everything handed over so far is durable and covered by a checkpoint.
  virtual Result<void> flush(std::chrono::milliseconds limit) = 0;
};

}  // namespace sovmesh::store

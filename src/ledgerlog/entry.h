#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/sign.h"
#include "ledgerlog/note.h"

// What a leaf of the audit log says: one line of JSON whose members stand in a fixed order, so that
// equal values are equal bytes. docs/audit.md documents every member.
//
// Rule for every text here: no personal data and no text of prompts or answers. A person is an HMAC
// under a key that can be destroyed (actor_ref, subject_ref); whatever else is personal is
// encrypted in a file beside the log, and the entry has the SHA-256 of its ciphertext (ct_hash).
namespace sovmesh::ledgerlog {

inline constexpr unsigned kEntryVersion = 1;
inline constexpr unsigned kScheduledVersion = 2;  // of a request that asked for a seat

// In every entry. `seq` is the index of the leaf. `time` never goes back, except in an entry whose
// action is kActionClockStep.
struct EntryHead {
  std::uint64_t seq = 0;
  WallTime time;
};
inline constexpr std::string_view kActionClockStep = "clock.step";

// Members called *_hash, *_digest, actor_ref, subject_ref, before and after are 64 lower-case hex
// digits, or empty when there is nothing to say. Bounds of the others are in entry.cpp's table;
// texts are cut by nobody: too long a one is an error of write_entry.
template <class Text>
struct RequestEntryOf {
  Text tenant;        // ULID text
  Text project;       // ULID text or empty
  Text rid;           // "req_" + 32 hex digits, as the client saw it
  Text key;           // public half of the API key; empty for other credentials
  Text actor_ref;     // the user, as HMAC(subject_key, id)
  Text operation;     // member "op": "chat", "text_completion", "embeddings"
  WallTime start;     // when the request arrived; the head's time is when it ended
  Text model;         // name@revision
  Text model_digest;  // of the model's files
  Text engine;
  Text host;
  Text site;
  Text jurisdiction;         // "CH", "EU", "TW"
  Text egress;               // "none", or the hosts that data left for, with commas between
  std::uint64_t status = 0;  // HTTP
  Text finish;
  Text outcome;  // "ok", "denied", "failed", "aborted"
  std::uint64_t tokens_in = 0;
  std::uint64_t tokens_cached = 0;
  std::uint64_t tokens_out = 0;
  Text prompt_digest;  // keyed: HMAC under the key that digest_key names
  Text answer_digest;
  Text digest_key;
  Text rules;       // ids of the filter rules that matched, comma-separated
  Text ledger_ref;  // where the cost stands in the ledger
  Text price_ver;
  std::uint64_t cost_micro = 0;  // micro-units of the currency
  Text currency;
  Text policy_ver;
  Text config_hash;
  Text ct_hash;
  // Of a request that asked for a seat; else the entry does not have these two members.
  Text priority{};  // member "class": "interactive", "agent", "batch"
  Text pool{};      // of its engines; empty: they are in none
  Text mirror;      // "ENGINE@HOST" that got a copy of the request; absent where empty
  friend bool operator==(const RequestEntryOf&, const RequestEntryOf&) = default;
};
using RequestEntry = RequestEntryOf<std::string>;
// The same over texts that live elsewhere, for who writes many of them.
using RequestEntryView = RequestEntryOf<std::string_view>;

struct AdminEntry {
  std::string tenant;       // ULID text; empty: the installation
  std::string actor_type;   // "user", "key", "token", "system"
  std::string actor_ref;    // the person, as HMAC(subject_key, id)
  std::string auth;         // how the actor proved who it is
  std::string action;       // "key.create", "config.apply", kActionClockStep
  std::string object_ref;   // "key/AbC...", "tenant/01J...": an id of ours, free form
  std::string subject_ref;  // whom it concerns (erasure, hold), as HMAC(subject_key, id)
  std::string outcome;      // "ok", "denied", "failed"
  std::string rid;          // of the admin request; may be empty
  std::string before;       // digest of the object before and after
  std::string after;
  std::uint64_t count = 0;  // how many the entry stands for: entries lost, rows exported
  std::string reason;       // a sentence without personal data
  std::string policy_ver;
  std::string config_hash;
  std::string ct_hash;
  friend bool operator==(const AdminEntry&, const AdminEntry&) = default;
};

// The log's signing keys. Entry 0 of every log is a "key.start"; a "key.rotate" at index i says
// that trees larger than i are signed by `next`, and carries a signature of the key before.
struct KeyEntry {
  enum class Action : std::uint8_t { start, rotate };
  Action action = Action::start;
  std::string origin;     // of the log
  std::string previous;   // NoteKey text; empty for start
  std::string next;       // NoteKey text
  std::string signature;  // base64, over rotation_message, by the previous key; start: by its own
  friend bool operator==(const KeyEntry&, const KeyEntry&) = default;
};
std::string rotation_message(std::string_view origin, std::uint64_t seq, std::string_view previous,
                             std::string_view next);
// The keys' name is the origin. An error when the origin cannot be one.
Result<KeyEntry> make_key_start(std::string_view origin, const SigningKey& key);
Result<KeyEntry> make_key_rotation(std::string_view origin, std::uint64_t seq,
                                   const SigningKey& previous, const VerifyKey& next_key);

using EntryBody = std::variant<RequestEntry, AdminEntry, KeyEntry>;
struct Entry {
  EntryHead head;
  EntryBody body;
};

// The bytes of the leaf. An error names the member that is too long or not what it must be; with
// bytes from our own code that is a bug, with a name from a request it is what keeps it out.
Result<std::string> write_entry(const EntryHead& head, const EntryBody& body);
Result<std::string> write_entry(const EntryHead& head, const RequestEntryView& body);
// Accepts exactly what write_entry can make.
Result<Entry> parse_entry(std::string_view bytes);

// The same check without building an Entry, for who reads a million of them.
struct EntrySummary {
  enum class Kind : std::uint8_t { request, admin, key };
  Kind kind = Kind::request;
  EntryHead head;
  bool clock_step = false;
};
Result<EntrySummary> check_entry(std::string_view bytes);

}  // namespace sovmesh::ledgerlog

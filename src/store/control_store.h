#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "access/records.h"
#include "base/hash.h"
#include "base/ids.h"
#include "base/result.h"
#include "catalog/artifact.h"
#include "catalog/records.h"
#include "limits/limit.h"
#include "store/rows.h"
#include "tenancy/records.h"

namespace sovmesh::store {

// A remote engine that the admin API added (managed engines come from the configuration only: they
// run programs). Secrets are never in the store: `api_key` names a file in the configuration.
struct EngineRecord {
  EngineId id;
  std::string name;     // slug form, unique
  std::string dialect;  // as llmapi::parse_dialect reads it
  std::string url;
  std::int64_t slots = 0;
  tenancy::Meta meta;
};

struct LimitTag {};
using LimitId = Id<LimitTag>;

// Whom a stored limit is for: what `scope` needs is set, the rest is empty.
struct LimitHolder {
  limits::Scope scope = limits::Scope::tenant;
  TenantId tenant;           // nil: of a pool
  ProjectId project;         // of a project
  std::optional<KeyId> key;  // of a key
  std::string name;          // of a user ("*": each of the tenant's) or a pool
  friend bool operator==(const LimitHolder&, const LimitHolder&) = default;
};

// How much of something somebody may use. Goes with its tenant, project or key. Holder, measure,
// window, alignment and model together are unique.
struct LimitRecord {
  LimitId id;
  std::string name;  // for people; empty: made from the rest
  LimitHolder holder;
  limits::Measure measure = limits::Measure::requests;
  limits::Window window = limits::Window::minute;
  limits::Alignment alignment = limits::Alignment::calendar;
  std::int64_t amount = 0;  // requests, tokens, millionths of money, microseconds
  bool shadow = false;
  std::string model;  // public name; empty: all
  tenancy::Meta meta;
};

struct PoolMemberTag {};
using PoolMemberId = Id<PoolMemberTag>;

// What a tenant, or one of its projects, gets of a pool of the configuration. Rates and weight in
// millionths, rates of a GPU. Goes with its tenant or project; pool, tenant and project together
// are unique.
struct PoolMemberRecord {
  PoolMemberId id;
  std::string pool;
  TenantId tenant;
  ProjectId project;   // nil: the tenant itself
  std::string cohort;  // that the tenant is in; empty: none
  std::int64_t guaranteed = 0;
  std::optional<std::int64_t> borrowing_limit;  // nothing: no limit
  std::optional<std::int64_t> lending_limit;    // nothing: all of it
  std::int64_t weight = 1'000'000;
  std::optional<std::int64_t> concurrency_max;
  std::optional<std::int64_t> user_concurrency_max;
  tenancy::Meta meta;
};

struct ArtifactTag {};
using ArtifactId = Id<ArtifactTag>;

// The files of a model at one version, as they were imported: name, digest and what the files say
// never change.
struct ArtifactRecord {
  ArtifactId id;
  catalog::ArtifactName name;  // unique
  catalog::Release release = {};
  std::string format;  // "gguf", "safetensors"
  Digest digest{};     // SHA-256 of the file, or of the list of a folder's files
  std::int64_t bytes = 0;
  std::string architecture;  // texts: empty when nobody said
  std::string quantisation;
  std::int64_t parameters = 0;      // 0: nobody said
  std::int64_t context_tokens = 0;  // likewise
  std::string licence;
  std::string origin;  // where it comes from, for people
  std::string owner;   // who answers for it
  std::map<std::string, std::string> labels = {};
  tenancy::Meta meta = {};
};

struct TestRunTag {};
using TestRunId = Id<TestRunTag>;

// What a set of prompts gave on an artifact. Goes with it; the latest kPerArtifactMax are kept.
struct TestRunRecord {
  static constexpr std::size_t kPerArtifactMax = 50;

  TestRunId id;
  ArtifactId artifact;
  std::string set;    // its name
  std::string model;  // the public model that was asked
  std::int64_t passed = 0;
  std::int64_t failed = 0;
  std::string results;  // JSON: a list, an object for each case
  tenancy::Meta meta = {};
  bool is_good() const { return failed == 0 && passed > 0; }
};

// What a tenant has set for its own requests, in the words of who wrote it. Goes with its tenant.
struct SettingsRecord {
  TenantId tenant;
  std::string document;
  tenancy::Meta meta;
};

struct WebhookTag {};
using WebhookId = Id<WebhookTag>;

// Where events go that somebody asked for over the admin API. Goes with its tenant. Tenant and name
// together are unique.
struct WebhookRecord {
  static constexpr std::size_t kMax = 500;
  static constexpr std::size_t kPerOwnerMax = 16;  // of a tenant, of the platform

  WebhookId id;
  std::optional<TenantId> tenant;  // nothing: the platform's
  std::string name;                // slug form
  std::string url;
  std::vector<std::string> events;  // patterns of kinds
  bool enabled = true;
  std::int32_t pepper_id = 0;  // of the key that `secret` is sealed under
  std::string secret;          // sealed
  tenancy::Meta meta = {};
};

// Everything the data path needs, of one moment. To copy it is cheap.
struct ControlData {
  std::vector<tenancy::Tenant> tenants;
  std::vector<tenancy::Project> projects;
  Rows<tenancy::Key> keys;  // by id; revoked and expired ones too
  std::vector<catalog::Model> models;
  std::vector<EngineRecord> engines;
  std::vector<LimitRecord> limits;
  std::vector<PoolMemberRecord> pool_members;
  std::vector<ArtifactRecord> artifacts;
  std::vector<SettingsRecord> settings;  // of tenants that have any
  std::vector<WebhookRecord> webhooks;
  std::int64_t version = 0;  // grows with every write
};

// What we persist of the control plane. Blocking: call it on the blocking pool; any thread, one at
// a time inside. One contract suite (tests/contract) that every adapter passes.
//
// Writes: `create` fails with Code::conflict when the name is taken among the living; `update` and
// `remove` take the revision the caller saw and fail with Code::precondition_failed when it is no
// longer that one, Code::not_found when the object is gone. Each returns the object as it stands
// now.
class ControlStore {
 public:
  virtual ~ControlStore() = default;

  virtual Result<ControlData> load() = 0;

  // All writes of `work` together, or none when it fails. It works on the store that it is given
  // and must not touch this one, which waits meanwhile. Cannot be nested.
  virtual Result<void> atomically(const std::function<Result<void>(ControlStore&)>& work) = 0;

  virtual Result<tenancy::Tenant> create(tenancy::Tenant tenant) = 0;
  virtual Result<tenancy::Tenant> update(
      const tenancy::Tenant& tenant) = 0;  // by id, meta.revision
  // Removes the tenant with all that is of it; its slug becomes free, its id never
  // returns.
  virtual Result<void> remove(TenantId id, std::int64_t revision) = 0;
  // The tenant that had this slug last, of those that were removed.
  virtual Result<std::optional<TenantId>> removed_tenant(const std::string& slug) = 0;

  virtual Result<tenancy::Project> create(tenancy::Project project) = 0;
  virtual Result<tenancy::Project> update(const tenancy::Project& project) = 0;
  virtual Result<void> remove(ProjectId id, std::int64_t revision) = 0;

  virtual Result<tenancy::Key> create(tenancy::Key key) = 0;
  virtual Result<tenancy::Key> update(const tenancy::Key& key) = 0;  // revoke: sets revoked_at
  virtual Result<void> remove(const KeyId& id, std::int64_t revision) = 0;

  virtual Result<catalog::Model> create(catalog::Model model) = 0;
  virtual Result<catalog::Model> update(const catalog::Model& model) = 0;
  virtual Result<void> remove(ModelId id, std::int64_t revision) = 0;

  // Where the file declares it now. No change of it: its revision and times stay.
  virtual Result<void> note_source(const tenancy::Tenant& tenant) = 0;
  virtual Result<void> note_source(const tenancy::Project& project) = 0;
  virtual Result<void> note_source(const tenancy::Key& key) = 0;
  virtual Result<void> note_source(const catalog::Model& model) = 0;
  virtual Result<void> note_source(const LimitRecord& limit) = 0;

  virtual Result<EngineRecord> create(EngineRecord engine) = 0;
  virtual Result<EngineRecord> update(const EngineRecord& engine) = 0;
  virtual Result<void> remove(EngineId id, std::int64_t revision) = 0;

  virtual Result<LimitRecord> create(LimitRecord limit) = 0;
  virtual Result<LimitRecord> update(const LimitRecord& limit) = 0;
  virtual Result<void> remove(LimitId id, std::int64_t revision) = 0;

  virtual Result<PoolMemberRecord> create(PoolMemberRecord member) = 0;
  virtual Result<PoolMemberRecord> update(const PoolMemberRecord& member) = 0;
  virtual Result<void> remove(PoolMemberId id, std::int64_t revision) = 0;

  virtual Result<ArtifactRecord> create(ArtifactRecord artifact) = 0;
  virtual Result<ArtifactRecord> update(const ArtifactRecord& artifact) = 0;
  virtual Result<void> remove(ArtifactId id, std::int64_t revision) = 0;
  // One too many takes the oldest one's place. Oldest first.
  virtual Result<TestRunRecord> create(TestRunRecord run) = 0;
  virtual Result<std::vector<TestRunRecord>> test_runs(ArtifactId artifact) = 0;
  // Code::conflict where there are as many as there may be.
  virtual Result<WebhookRecord> create(WebhookRecord webhook) = 0;
  virtual Result<WebhookRecord> update(const WebhookRecord& webhook) = 0;
  virtual Result<void> remove(WebhookId id, std::int64_t revision) = 0;
  // In place of what the tenant had; revision 0 is that it had none.
  virtual Result<SettingsRecord> put_settings(const SettingsRecord& settings) = 0;

  // People. They are not in load(): the data path has nothing to do with them. A login is unique;
  // a user takes its memberships, sessions and tokens along, a tenant the memberships in it.
  virtual Result<std::vector<access::User>> users() = 0;
  virtual Result<std::optional<access::User>> user(access::UserId id) = 0;
  virtual Result<std::optional<access::User>> user_named(const std::string& login) = 0;
  virtual Result<access::User> create(access::User user) = 0;
  virtual Result<access::User> update(const access::User& user) = 0;
  virtual Result<void> remove(access::UserId id, std::int64_t revision) = 0;

  virtual Result<std::vector<access::Membership>> memberships() = 0;
  virtual Result<std::vector<access::Membership>> memberships_of(access::UserId user) = 0;
  // Each grows the revision of the user, as removing a tenant does of those with a role in it.
  virtual Result<access::Membership> create(access::Membership membership) = 0;
  virtual Result<void> remove(access::MembershipId id, std::int64_t revision) = 0;

  // Code::conflict when the user has Token::kPerUserMax already, or one of this name.
  virtual Result<void> add_token(const access::Token& token) = 0;
  virtual Result<std::optional<access::Token>> token(const access::TokenId& id) = 0;
  virtual Result<std::vector<access::Token>> tokens_of(access::UserId user) = 0;
  virtual Result<void> use_token(const access::TokenId& id, WallTime now) = 0;
  // Code::not_found when the user has none of this id.
  virtual Result<void> remove_token(access::UserId user, const access::TokenId& id) = 0;
  // Says how many there were. `but_by_platform`: those stay.
  virtual Result<std::int64_t> remove_tokens(access::UserId user, bool but_by_platform) = 0;

  // A user has at most Session::kPerUserMax: one more ends the one that was seen longest ago. What
  // is over by then is dropped, of everybody.
  virtual Result<void> begin_session(const access::Session& session) = 0;
  virtual Result<std::optional<access::Session>> session_of(const Digest& proof) = 0;
  virtual Result<std::vector<access::Session>> sessions_of(access::UserId user) = 0;
  virtual Result<void> see_session(access::SessionId id, WallTime now) = 0;
  // Code::not_found when the user has none of this id.
  virtual Result<void> end_session(access::UserId user, access::SessionId id) = 0;
  // Says how many there were. `but`: this one stays.
  virtual Result<std::int64_t> end_sessions(access::UserId user,
                                            std::optional<access::SessionId> but) = 0;

  // Small named values: HMAC peppers' ids, per-tenant digest keys ("digest_key/<tenant ulid>"),
  // boot counters. Bytes in, bytes out.
  virtual Result<std::optional<std::string>> get_value(const std::string& name) = 0;
  virtual Result<void> put_value(const std::string& name, const std::string& value) = 0;
  virtual Result<void> remove_value(const std::string& name) = 0;

  // What was removed or changed is in no file any more: names that were erased. Whether the bytes
  // of `name` were in the files before, and whether they are: of what is stored, or as a part of
  // another text. Not in atomically().
  struct Bytes {
    bool were_there = false;
    bool are_there = false;
  };
  virtual Result<Bytes> overwrite_removed(const std::string& name) = 0;
};

}  // namespace sovmesh::store

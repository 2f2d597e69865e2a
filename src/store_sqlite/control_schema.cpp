#include "store_sqlite/control_schema.h"

#include <array>

namespace sovmesh::store_sqlite {
namespace {

// Lists are JSON arrays: they are small and always read and written whole. Ids are the 16 bytes of
// ULIDs, times microseconds since 1970 (UTC). managed_by: 0 the admin API, 1 the configuration
// file. Every table has the same five columns of Meta (control_rows.cpp relies on it).
constexpr const char* kVersion1 = R"sql(
CREATE TABLE state (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  version INTEGER NOT NULL
) STRICT;
INSERT INTO state VALUES (1, 0);

CREATE TABLE tenant (
  id           BLOB NOT NULL PRIMARY KEY,
  slug         TEXT NOT NULL UNIQUE,
  display_name TEXT NOT NULL,
  hosts        TEXT NOT NULL,
  suspended    INTEGER NOT NULL,
  revision     INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  managed_by   INTEGER NOT NULL,
  source       TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids of removed tenants: they never return.
CREATE TABLE removed_tenant (
  id         BLOB NOT NULL PRIMARY KEY,
  removed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER tenant_removed AFTER DELETE ON tenant BEGIN
  INSERT INTO removed_tenant VALUES (old.id, old.updated_at);
END;
CREATE TRIGGER tenant_stays_removed BEFORE INSERT ON tenant
  WHEN EXISTS (SELECT 1 FROM removed_tenant WHERE id = new.id) BEGIN
  SELECT RAISE(ABORT, 'this id belonged to a removed tenant');
END;

CREATE TABLE project (
  id           BLOB NOT NULL PRIMARY KEY,
  tenant       BLOB NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  slug         TEXT NOT NULL,
  display_name TEXT NOT NULL,
  revision     INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  managed_by   INTEGER NOT NULL,
  source       TEXT NOT NULL,
  UNIQUE (tenant, slug),
  UNIQUE (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE key (
  id           TEXT NOT NULL PRIMARY KEY,
  tenant       BLOB NOT NULL,
  project      BLOB NOT NULL,
  display_name TEXT NOT NULL,
  scopes       TEXT NOT NULL,
  models       TEXT,     -- NULL: every model of the tenant
  owner        TEXT,
  expires_at   INTEGER,
  revoked_at   INTEGER,
  pepper_id    INTEGER NOT NULL,
  hmac         BLOB NOT NULL,
  last_four    TEXT NOT NULL,
  revision     INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  managed_by   INTEGER NOT NULL,
  source       TEXT NOT NULL,
  FOREIGN KEY (tenant, project) REFERENCES project (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX key_by_project ON key (tenant, project);

CREATE TABLE model (
  id                     BLOB NOT NULL PRIMARY KEY,
  name                   TEXT NOT NULL UNIQUE,
  engine                 TEXT NOT NULL,
  engine_model           TEXT NOT NULL,
  adapter                INTEGER,
  owned_by               TEXT NOT NULL,
  chat                   INTEGER NOT NULL,
  completions            INTEGER NOT NULL,
  embeddings             INTEGER NOT NULL,
  for_all_tenants        INTEGER NOT NULL,
  tenants                TEXT NOT NULL,
  context_tokens         INTEGER NOT NULL,
  output_tokens_max      INTEGER NOT NULL,
  choices_max            INTEGER NOT NULL,
  extra_fields           TEXT NOT NULL,
  reject_unknown_fields  INTEGER NOT NULL,
  first_token_timeout_ms INTEGER NOT NULL,
  stall_timeout_ms       INTEGER NOT NULL,
  total_timeout_ms       INTEGER NOT NULL,
  commit_after_ms        INTEGER,  -- NULL: never
  revision               INTEGER NOT NULL,
  created_at             INTEGER NOT NULL,
  updated_at             INTEGER NOT NULL,
  managed_by             INTEGER NOT NULL,
  source                 TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE engine (
  id         BLOB NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  dialect    TEXT NOT NULL,
  url        TEXT NOT NULL,
  slots      INTEGER NOT NULL,
  revision   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  managed_by INTEGER NOT NULL,
  source     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE value (
  name  TEXT NOT NULL PRIMARY KEY,
  value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// A rotated key: what its text was before, and until when that still works.
constexpr const char* kVersion2 = R"sql(
ALTER TABLE key ADD COLUMN previous_pepper_id INTEGER;
ALTER TABLE key ADD COLUMN previous_hmac BLOB;
ALTER TABLE key ADD COLUMN previous_until INTEGER;
)sql";

// Limits, and what they and bills need to know of tenants and projects. The words of scope,
// measure, period and alignment are those of the configuration; amounts count tokens, millionths of
// money or microseconds. Empty texts stand for "none", so that one index can say what is unique.
constexpr const char* kVersion3 = R"sql(
ALTER TABLE tenant ADD COLUMN time_zone TEXT NOT NULL DEFAULT 'UTC';
ALTER TABLE tenant ADD COLUMN currency TEXT NOT NULL DEFAULT 'EUR';
ALTER TABLE project ADD COLUMN cost_centre TEXT NOT NULL DEFAULT '';

CREATE TABLE usage_limit (
  id         BLOB NOT NULL PRIMARY KEY,
  name       TEXT NOT NULL,
  scope      TEXT NOT NULL,
  tenant     BLOB REFERENCES tenant (id) ON DELETE CASCADE,  -- NULL: of a pool
  project    BLOB,                                           -- of a project
  key        TEXT REFERENCES key (id) ON DELETE CASCADE,     -- of a key
  holder     TEXT NOT NULL,                                  -- name of a user or a pool
  measure    TEXT NOT NULL,
  period     TEXT NOT NULL,
  alignment  TEXT NOT NULL,
  amount     INTEGER NOT NULL,
  shadow     INTEGER NOT NULL,
  model      TEXT NOT NULL,
  revision   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  managed_by INTEGER NOT NULL,
  source     TEXT NOT NULL,
  FOREIGN KEY (tenant, project) REFERENCES project (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX usage_limit_once ON usage_limit (
  scope, ifnull(tenant, x''), ifnull(project, x''), ifnull(key, ''), holder, measure, period,
  alignment, model);
CREATE INDEX usage_limit_by_project ON usage_limit (tenant, project);
CREATE INDEX usage_limit_by_key ON usage_limit (key);
)sql";

// The highest class that a key's requests may have. All engines of a model when it has several,
// `engine` the first of them. Shares of pools; rates and weights in millionths.
constexpr const char* kVersion4 = R"sql(
ALTER TABLE key ADD COLUMN max_priority TEXT NOT NULL DEFAULT 'interactive';
ALTER TABLE model ADD COLUMN engines TEXT NOT NULL DEFAULT '[]';

CREATE TABLE pool_member (
  id                   BLOB NOT NULL PRIMARY KEY,
  pool                 TEXT NOT NULL,
  tenant               BLOB NOT NULL REFERENCES tenant (id) ON DELETE CASCADE,
  project              BLOB,  -- NULL: the tenant itself
  cohort               TEXT NOT NULL,
  guaranteed           INTEGER NOT NULL,
  borrowing_limit      INTEGER,
  lending_limit        INTEGER,
  weight               INTEGER NOT NULL,
  concurrency_max      INTEGER,
  user_concurrency_max INTEGER,
  revision             INTEGER NOT NULL,
  created_at           INTEGER NOT NULL,
  updated_at           INTEGER NOT NULL,
  managed_by           INTEGER NOT NULL,
  source               TEXT NOT NULL,
  FOREIGN KEY (tenant, project) REFERENCES project (tenant, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pool_member_once ON pool_member (pool, tenant, ifnull(project, x''));
CREATE INDEX pool_member_by_project ON pool_member (tenant, project);
)sql";

// People: what they sign in with, what they are where, and the browsers that are signed in. Of what
// a browser shows only the digest is here.
constexpr const char* kVersion5 = R"sql(
CREATE TABLE user (
  id            BLOB NOT NULL PRIMARY KEY,
  login         TEXT NOT NULL UNIQUE,
  display_name  TEXT NOT NULL,
  password_hash TEXT NOT NULL,  -- empty: there is none
  disabled      INTEGER NOT NULL,
  revision      INTEGER NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  managed_by    INTEGER NOT NULL,
  source        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE membership (
  id         BLOB NOT NULL PRIMARY KEY,
  user       BLOB NOT NULL REFERENCES user (id) ON DELETE CASCADE,
  tenant     BLOB REFERENCES tenant (id) ON DELETE CASCADE,  -- NULL: the platform
  role       TEXT NOT NULL,
  revision   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  managed_by INTEGER NOT NULL,
  source     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX membership_once ON membership (user, ifnull(tenant, x''), role);
CREATE INDEX membership_by_tenant ON membership (tenant);

CREATE TABLE session (
  id         BLOB NOT NULL PRIMARY KEY,
  proof      BLOB NOT NULL UNIQUE,
  user       BLOB NOT NULL REFERENCES user (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  user_agent TEXT NOT NULL,
  source     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_user ON session (user, seen_at);
CREATE INDEX session_by_age ON session (seen_at);
CREATE INDEX session_by_end ON session (expires_at);
)sql";

// Files of models at their versions, what tests of them gave, and which of them a model serves.
constexpr const char* kVersion6 =
    // Models.
    R"sql(
ALTER TABLE model ADD COLUMN artifact TEXT NOT NULL DEFAULT '';

CREATE TABLE artifact (
  id              BLOB NOT NULL PRIMARY KEY,
  name            TEXT NOT NULL UNIQUE,  -- NAME@VERSION
  stage           TEXT NOT NULL,
  for_all_tenants INTEGER NOT NULL,
  tenants         TEXT NOT NULL,
  retires_at      INTEGER,
  format          TEXT NOT NULL,
  digest          BLOB NOT NULL,
  bytes           INTEGER NOT NULL,
  architecture    TEXT NOT NULL,
  quantisation    TEXT NOT NULL,
  parameters      INTEGER NOT NULL,
  context_tokens  INTEGER NOT NULL,
  licence         TEXT NOT NULL,
  origin          TEXT NOT NULL,
  owner           TEXT NOT NULL,
  labels          TEXT NOT NULL,
  revision        INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  managed_by      TEXT NOT NULL,
  source          TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE test_run (
  id         BLOB NOT NULL PRIMARY KEY,
  artifact   BLOB NOT NULL REFERENCES artifact (id) ON DELETE CASCADE,
  test_set   TEXT NOT NULL,
  model      TEXT NOT NULL,
  passed     INTEGER NOT NULL,
  failed     INTEGER NOT NULL,
  results    TEXT NOT NULL,
  revision   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  managed_by TEXT NOT NULL,
  source     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX test_run_by_artifact ON test_run (artifact, id);
)sql"
    // Service accounts, access tokens (of whose text only the HMAC is here), a revision of users
    // that grows with their memberships, and keys' labels in a column of their own. A tenant that
    // goes takes memberships along, which the trigger sees, too.
    R"sql(
ALTER TABLE user ADD COLUMN kind TEXT NOT NULL DEFAULT 'person';

CREATE TABLE access_token (
  id          TEXT NOT NULL PRIMARY KEY,
  user        BLOB NOT NULL REFERENCES user (id) ON DELETE CASCADE,
  name        TEXT NOT NULL,
  pepper_id   INTEGER NOT NULL,
  hmac        BLOB NOT NULL,
  last_four   TEXT NOT NULL,
  by_platform INTEGER NOT NULL,
  created_at  INTEGER NOT NULL,
  expires_at  INTEGER,  -- NULL: never
  used_at     INTEGER,  -- NULL: never
  UNIQUE (user, name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER membership_came AFTER INSERT ON membership BEGIN
  UPDATE user SET revision = revision + 1 WHERE id = new.user;
END;
CREATE TRIGGER membership_went AFTER DELETE ON membership BEGIN
  UPDATE user SET revision = revision + 1 WHERE id = old.user;
END;

ALTER TABLE key ADD COLUMN labels TEXT NOT NULL DEFAULT '{}';
UPDATE key SET labels = coalesce(
  (SELECT CAST(value AS TEXT) FROM value WHERE name = 'key_labels/' || key.id), '{}');
DELETE FROM value WHERE name > 'key_labels/' AND name < 'key_labels0';
)sql"
    // What tenants have set for their own requests.
    R"sql(
CREATE TABLE tenant_settings (
  tenant     BLOB NOT NULL PRIMARY KEY REFERENCES tenant (id) ON DELETE CASCADE,
  document   TEXT NOT NULL,
  revision   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// Who is told of events. A secret is sealed under a key made of the pepper of this id.
constexpr const char* kVersion7 = R"sql(
CREATE TABLE webhook (
  id         BLOB NOT NULL PRIMARY KEY,
  tenant     BLOB REFERENCES tenant (id) ON DELETE CASCADE,  -- NULL: the platform
  name       TEXT NOT NULL,
  url        TEXT NOT NULL,
  events     TEXT NOT NULL,
  enabled    INTEGER NOT NULL,
  pepper_id  INTEGER NOT NULL,
  secret     BLOB NOT NULL,
  revision   INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  managed_by INTEGER NOT NULL,
  source     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX webhook_once ON webhook (ifnull(tenant, x''), name);
CREATE INDEX webhook_by_tenant ON webhook (tenant);
)sql";

constexpr std::array kSteps = {kVersion1, kVersion2, kVersion3, kVersion4,
                               kVersion5, kVersion6, kVersion7};
constexpr Schema kSchema{"control", 0x534d4331, kSteps};

}  // namespace

const Schema& control_schema() { return kSchema; }

}  // namespace sovmesh::store_sqlite

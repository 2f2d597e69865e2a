#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/hash.h"
#include "base/result.h"
#include "identity/directory.h"

namespace sovmesh::identity {

// What a request shows of itself. Only `key` proves anything; the rest must agree with it.
struct Credentials {
  std::optional<std::string_view> authorization;  // "Bearer sm-..."
  std::optional<std::string_view> api_key;
  std::optional<std::string_view> x_api_key;
  std::optional<std::string_view> path_tenant;   // of /t/{tenant}/v1/...
  std::string_view host;                         // without port
  std::optional<std::string_view> organization;  // OpenAI-Organization
  std::optional<std::string_view> project;       // OpenAI-Project
};

// Who is calling: proven by a key. Holds the snapshot it was proven against, so the pointers stay
// valid for the whole request. Only Authenticator makes one.
class Caller {
 public:
  const tenancy::Tenant& tenant() const { return tenant_->record; }
  const TenantEntry& tenant_entry() const { return *tenant_; }
  const tenancy::Project& project() const { return *project_; }
  const tenancy::Key& key() const { return *key_; }
  const Directory& directory() const { return *directory_; }
  // The model `name` if this caller may use it: unknown and foreign names give the same 404.
  Result<const catalog::Model*> model(std::string_view name) const;
  // insufficient_permissions when the key lacks the scope.
  Result<void> require(tenancy::Scope scope) const;

 private:
  friend class Authenticator;
  Caller() = default;
  std::shared_ptr<const Directory> directory_;
  const TenantEntry* tenant_ = nullptr;
  const tenancy::Project* project_ = nullptr;
  const tenancy::Key* key_ = nullptr;
  Digest proof_{};  // the HMAC that proved it: the key's present one or the one before
};

// Why a request is nobody's: for counts and the audit log, never for the caller, who is told no
// more than that it is.
enum class Stranger : std::uint8_t {
  none,  // somebody's
  unknown_host,
  no_key,  // or several
  malformed_key,
  unknown_key,
  wrong_secret,  // of a key that there is
  expired_key,   // or revoked
  elsewhere,     // another tenant's host, path or project, or a suspended tenant
};
std::string_view name(Stranger why);

// What a caller is told of names that are unknown or not for him.
Error no_such_model(std::string_view name);

// Turns credentials into a Caller. Every refusal is the same invalid_api_key error, whatever was
// wrong: missing, malformed, unknown, expired, revoked, suspended tenant, host or path or
// organisation of somebody else. Unknown ids cost a dummy HMAC. Pure apart from its snapshot
// argument; any thread.
class Authenticator {
 public:
  // `peppers` by id. `server_hosts`: when not empty, Host must be one of them or a tenant's own
  // (Code::unknown_host); "*" inside allows any.
  Authenticator(std::map<std::int32_t, Secret> peppers, std::vector<std::string> server_hosts);
  ~Authenticator();
  Result<Caller> identify(const std::shared_ptr<const Directory>& directory,
                          const Credentials& credentials, WallTime now,
                          Stranger* why = nullptr) const;
  // Still true? For open streams: revoked keys, texts that a rotation ended and suspended tenants
  // end within 5 s.
  static bool still_valid(const Directory& current, const Caller& caller, WallTime now);

  // Under a pepper that is not there it is nobody's, at the same cost.
  Digest key_hmac(std::int32_t pepper_id, std::string_view key_text) const;
  // For what is no key: nothing under a pepper that is not there.
  std::optional<Digest> pepper_hmac(std::int32_t pepper_id, std::string_view text) const;
  std::int32_t newest_pepper() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sovmesh::identity

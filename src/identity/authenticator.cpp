#include "identity/authenticator.h"

#include <algorithm>

#include "base/bytes.h"
#include "tenancy/key_format.h"

namespace sovmesh::identity {

std::string_view name(Stranger why) {
  switch (why) {
    case Stranger::unknown_host:
      return "unknown_host";
    case Stranger::no_key:
      return "no_key";
    case Stranger::malformed_key:
      return "malformed_key";
    case Stranger::unknown_key:
      return "unknown_key";
    case Stranger::wrong_secret:
      return "wrong_secret";
    case Stranger::expired_key:
      return "expired_key";
    case Stranger::elsewhere:
      return "elsewhere";
    case Stranger::none:
      break;
  }
  return "";
}

struct Authenticator::Impl {
  std::map<std::int32_t, HmacKey> peppers;
  std::vector<std::string> server_hosts;
  HmacKey dummy{"a pepper for keys that do not exist"};

  const HmacKey& pepper(std::int32_t id) const {
    const auto it = peppers.find(id);
    return it == peppers.end() ? dummy : it->second;
  }
};

namespace {

constexpr std::string_view kAnyHost = "*";

std::unexpected<Error> refuse(std::string_view shown) {
  std::string message = "Incorrect API key provided";
  if (!shown.empty()) message += ": " + tenancy::mask_key(shown);
  return client_error(Code::invalid_api_key, message + ". Ask your administrator for a valid key.");
}

// The one key a request shows. The same key in several headers is one key; different ones are none.
std::optional<std::string_view> shown_key(const Credentials& shown) {
  std::optional<std::string_view> key;
  if (shown.authorization) {
    const std::string_view text = *shown.authorization;
    if (text.size() < 7 || !equals_ignore_case(text.substr(0, 7), "bearer ")) return std::nullopt;
    key = trim(text.substr(7));
  }
  for (const auto& other : {shown.api_key, shown.x_api_key}) {
    if (!other) continue;
    if (key && *key != *other) return std::nullopt;
    key = other;
  }
  return key;
}

bool expired(const tenancy::Key& key, WallTime now) {
  return (key.revoked_at && *key.revoked_at <= now) || (key.expires_at && *key.expires_at <= now);
}

bool is_previous(const tenancy::Key& key, const Digest& digest, WallTime now) {
  return key.previous && now < key.previous->until && equal_digests(key.previous->hmac, digest);
}

// Organisation and project selectors may be given by name or by id.
template <class Record>
bool names(const std::optional<std::string_view>& selector, const Record& record) {
  return !selector || selector->empty() || *selector == record.slug.text() ||
         *selector == record.id.value.text();
}

}  // namespace

Authenticator::Authenticator(std::map<std::int32_t, Secret> peppers,
                             std::vector<std::string> server_hosts)
    : impl_(std::make_unique<Impl>()) {
  for (const auto& [id, pepper] : peppers)
    impl_->peppers.try_emplace(id, pepper.reveal());
  impl_->server_hosts = std::move(server_hosts);
}

Authenticator::~Authenticator() = default;

Result<Caller> Authenticator::identify(const std::shared_ptr<const Directory>& directory,
                                       const Credentials& shown, WallTime now,
                                       Stranger* why) const {
  const auto is = [why](Stranger stranger) {
    if (why != nullptr) *why = stranger;
  };
  const TenantEntry* host_tenant = directory->tenant_by_host(shown.host);
  const auto& hosts = impl_->server_hosts;
  const auto is_ours = [&](const std::string& host) {
    return host == kAnyHost || host == shown.host;
  };
  if (host_tenant == nullptr && !hosts.empty() && std::ranges::none_of(hosts, is_ours)) {
    is(Stranger::unknown_host);
    return client_error(Code::unknown_host, "This server does not answer for that host name.");
  }

  const std::optional<std::string_view> text = shown_key(shown);
  if (!text) {
    is(Stranger::no_key);
    return refuse({});
  }
  const Result<KeyId> id = tenancy::parse_key(*text);
  if (!id) {
    is(Stranger::malformed_key);
    return refuse(*text);
  }
  const tenancy::Key* key = directory->key(*id);
  const Digest none{};
  Digest digest = impl_->pepper(key != nullptr ? key->pepper_id : -1).of(*text);
  bool proven = equal_digests(digest, key != nullptr ? key->hmac : none) && key != nullptr;
  if (!proven && key != nullptr && key->previous) {
    digest = impl_->pepper(key->previous->pepper_id).of(*text);
    proven = is_previous(*key, digest, now);
  }
  if (!proven || expired(*key, now)) {
    is(key == nullptr ? Stranger::unknown_key
       : !proven      ? Stranger::wrong_secret
                      : Stranger::expired_key);
    return refuse(*text);
  }

  Caller caller;
  caller.proof_ = digest;
  caller.directory_ = directory;
  caller.key_ = key;
  caller.tenant_ = directory->tenant(key->tenant);
  caller.project_ = directory->project(key->project);
  const bool agrees =
      !caller.tenant().suspended && (host_tenant == nullptr || host_tenant == caller.tenant_) &&
      (!shown.path_tenant || *shown.path_tenant == caller.tenant().slug.text()) &&
      names(shown.organization, caller.tenant()) && names(shown.project, caller.project());
  if (!agrees) {
    is(Stranger::elsewhere);
    return refuse(*text);
  }
  return caller;
}

bool Authenticator::still_valid(const Directory& current, const Caller& caller, WallTime now) {
  const tenancy::Key* key = current.key(caller.key().id);
  const TenantEntry* tenant = current.tenant(caller.tenant().id);
  if (key == nullptr || tenant == nullptr || tenant->record.suspended) return false;
  const bool proven =
      equal_digests(key->hmac, caller.proof_) || is_previous(*key, caller.proof_, now);
  return proven && !expired(*key, now);
}

Digest Authenticator::key_hmac(std::int32_t pepper_id, std::string_view key_text) const {
  return impl_->pepper(pepper_id).of(key_text);
}

std::optional<Digest> Authenticator::pepper_hmac(std::int32_t pepper_id,
                                                 std::string_view text) const {
  const auto it = impl_->peppers.find(pepper_id);
  if (it == impl_->peppers.end()) return std::nullopt;
  return it->second.of(text);
}

std::int32_t Authenticator::newest_pepper() const {
  return impl_->peppers.empty() ? -1 : impl_->peppers.rbegin()->first;
}

Result<const catalog::Model*> Caller::model(std::string_view name) const {
  const auto& allowed = key_->models;
  const catalog::Model* found =
      directory_->models().find(name, tenant().id, allowed ? &*allowed : nullptr);
  if (found != nullptr) return found;
  return fail(no_such_model(name));
}

Error no_such_model(std::string_view name) {
  std::string message = "The model `";
  message += name;
  message += "` does not exist or you do not have access to it.";
  return Error(Code::model_not_found, Blame::client, std::move(message)).with_param("model");
}

Result<void> Caller::require(tenancy::Scope scope) const {
  if (key_->has(scope)) return {};
  std::string message = "You have insufficient permissions for this operation. Missing scope: ";
  message += tenancy::name(scope);
  return client_error(Code::insufficient_permissions, std::move(message));
}

}  // namespace sovmesh::identity

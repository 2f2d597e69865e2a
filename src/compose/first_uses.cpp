#include "compose/first_uses.h"

#include <string>

namespace sovmesh::compose {

bool FirstUses::note(const tenancy::Key& key) {
  return pool_.submit([self = shared_from_this(), id = key.id, tenant = key.tenant] {
    // What cannot be written now is written at the first use after the next start.
    (void)self->record(id, tenant);
  });
}

// A crash between the two leaves one entry more, not one less.
Result<void> FirstUses::record(KeyId key, TenantId tenant) {
  const std::string name = "key_used/" + std::string(key.text());
  TRY(const auto before, store_.get_value(name));
  if (before) return {};
  return turn_.with([&](Turn&) -> Result<void> {
    TRY(const auto meanwhile, store_.get_value(name));
    if (meanwhile) return {};
    store::AdminEntry entry;
    entry.action = "key.first_use";
    entry.tenant = tenant;
    entry.actor_type = store::AdminEntry::Actor::key;
    entry.object = "keys/" + std::string(key.text());
    TRY_VOID(audit_->append(std::move(entry)));
    return store_.put_value(name, "");
  });
}

}  // namespace sovmesh::compose

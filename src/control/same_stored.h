#pragma once

#include "catalog/records.h"
#include "store/control_store.h"
#include "tenancy/records.h"

namespace sovmesh::control {

// Whether storing `b` in place of `a` would change nothing but its revision and times, and where in
// the file it stands.
bool is_stored(const tenancy::Tenant& a, const tenancy::Tenant& b);
bool is_stored(const tenancy::Project& a, const tenancy::Project& b);
bool is_stored(const tenancy::Key& a, const tenancy::Key& b);
bool is_stored(const store::LimitRecord& a, const store::LimitRecord& b);
bool is_stored(const catalog::Model& a, const catalog::Model& b);

}  // namespace sovmesh::control

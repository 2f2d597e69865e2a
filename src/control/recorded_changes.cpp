#include "control/recorded_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

namespace sovmesh::control {
namespace {

const std::string kMark = "audit_change";

// "4711 key.create": entries of the change, if there are any, have this number or a later one.
std::string mark_of(std::uint64_t size, const std::string& action) {
  return fmt::format("{} {}", size, action);
}

store::AdminEntry not_made(const std::string& mark) {
  const auto space = std::min(mark.find(' '), mark.size());
  store::AdminEntry entry;
  entry.action = mark.substr(std::min(space + 1, mark.size()));
  entry.outcome = "failed";
  entry.reason = fmt::format(
      "a change that had begun was not made; entries of it have number {} or a later one",
      mark.substr(0, space));
  return entry;
}

Result<void> keeps_all(const std::vector<tenancy::Tenant>& held, store::ControlStore& store) {
  if (held.empty()) return {};
  TRY(const store::ControlData left, store.load());
  for (const tenancy::Tenant& tenant : held) {
    if (std::ranges::find(left.tenants, tenant.id, &tenancy::Tenant::id) != left.tenants.end())
      continue;
    return client_error(Code::conflict,
                        fmt::format("the tenant '{}' is under a legal hold and must stay until "
                                    "that is taken off (sovmesh audit hold list)",
                                    tenant.slug.text()));
  }
  return {};
}

}  // namespace

Result<void> RecordedChanges::make(const std::string& action,
                                   const std::function<Result<void>(const Agree&)>& change,
                                   const Tell& tell) {
  return turn_.with([&](Turn&) { return make_alone(action, change, tell); });
}

Result<void> RecordedChanges::settle() {
  return turn_.with([&](Turn&) { return settle_alone(); });
}

Result<void> RecordedChanges::settle_alone() {
  if (parts_.audit == nullptr) return {};
  TRY(const std::optional<std::string> mark, parts_.store.get_value(kMark));
  if (!mark) return {};
  TRY_VOID(parts_.audit->append(not_made(*mark)));
  return parts_.store.remove_value(kMark);
}

Result<std::vector<tenancy::Tenant>> RecordedChanges::held_tenants() {
  if (parts_.audit == nullptr) return std::vector<tenancy::Tenant>();
  TRY(const std::vector<store::AuditHold> holds, parts_.audit->holds());
  if (holds.empty()) return std::vector<tenancy::Tenant>();
  TRY(store::ControlData data, parts_.store.load());
  std::erase_if(data.tenants, [&](const tenancy::Tenant& tenant) {
    return std::ranges::none_of(holds,
                                [&](const auto& hold) { return hold.subject.tenant == tenant.id; });
  });
  return std::move(data.tenants);
}

Result<void> RecordedChanges::make_alone(const std::string& action,
                                         const std::function<Result<void>(const Agree&)>& change,
                                         const Tell& tell) {
  TRY_VOID(settle_alone());
  TRY(const std::vector<tenancy::Tenant> held, held_tenants());
  if (parts_.audit != nullptr)
    TRY_VOID(parts_.store.put_value(kMark, mark_of(parts_.audit->stats().size, action)));
  const State before = parts_.publisher.state();
  bool in_use = false;
  enum class Told : std::uint8_t { no, perhaps, yes };
  Told told = Told::no;
  const Agree agree = [&](store::ControlStore& store, const State& next) -> Result<void> {
    TRY_VOID(keeps_all(held, store));
    if (parts_.use) {
      TRY_VOID(parts_.use(next));
      in_use = true;
    }
    if (parts_.audit == nullptr) return {};
    TRY_VOID(store.remove_value(kMark));
    TRY(std::optional<store::AdminEntry> entry, tell(store));
    if (!entry) return {};
    told = Told::perhaps;
    TRY_VOID(parts_.audit->append(*std::move(entry)));
    told = Told::yes;
    return {};
  };
  Result<void> done = change(agree);
  if (done) return {};
  if (in_use) (void)parts_.use(before);
  // A log that takes nothing is told before the next change, or at the next start: an entry that
  // was refused may still come, late.
  if (told == Told::yes)
    (void)settle_alone();
  else if (told == Told::no && parts_.audit != nullptr)
    (void)parts_.store.remove_value(kMark);
  return done;
}

}  // namespace sovmesh::control

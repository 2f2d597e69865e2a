#include "audit_files/details.h"

#include <utility>
#include <vector>

#include "base/bytes.h"

namespace sovmesh::audit_files {
namespace {

constexpr std::string_view kInstallation = "installation";

std::string name_of(Day day) { return std::to_string(day.time_since_epoch().count()); }

}  // namespace

std::string Details::folder_of(const std::optional<TenantId>& tenant) const {
  return folder_ + "/" + (tenant ? tenant->value.text() : std::string(kInstallation));
}

Result<Digest> Details::store(const std::optional<TenantId>& tenant, Day day,
                              std::string_view sealed) {
  const std::string folder = folder_of(tenant);
  const std::string path = folder + "/" + name_of(day);
  auto journal = open_.find(path);
  if (journal == open_.end()) {
    TRY_VOID(files_.make_folder(folder));
    TRY_VOID(files_.sync_folder(folder_));
    std::vector<std::string> ignored;
    TRY(Journal opened, Journal::open(files_, path, &ignored));
    if (open_.size() >= kOpenMax) open_.clear();
    journal = open_.emplace(path, std::move(opened)).first;
  }
  TRY_VOID(journal->second.append(sealed));
  return sha256(sealed);
}

Result<std::optional<std::string>> Details::find(const std::optional<TenantId>& tenant, Day day,
                                                 std::string_view hash_hex) const {
  const std::string path = folder_of(tenant) + "/" + name_of(day);
  TRY(const auto bytes, files_.read(path));
  if (!bytes) return std::nullopt;
  TRY(const auto records, Journal::parse(*bytes, path));
  for (const std::string& record : records) {
    if (to_hex(sha256(record)) == hash_hex) return record;
  }
  return std::nullopt;
}

Result<void> Details::drop_before(
    Day day, const std::function<bool(const std::optional<TenantId>&)>& is_held) {
  TRY(const auto tenants, files_.list(folder_));
  for (const std::string& name : tenants) {
    const auto id = Ulid::parse(name);
    if (!id && name != kInstallation) continue;  // not ours
    const std::optional<TenantId> tenant = id ? std::optional(TenantId{*id}) : std::nullopt;
    if (is_held(tenant)) continue;
    TRY(const auto days, files_.list(folder_of(tenant)));
    for (const std::string& text : days) {
      const auto number = parse_u64(text);
      if (!number || Day(std::chrono::days(*number)) >= day) continue;
      const std::string path = folder_of(tenant) + "/" + text;
      open_.erase(path);
      TRY_VOID(files_.remove(path));
    }
  }
  return {};
}

}  // namespace sovmesh::audit_files

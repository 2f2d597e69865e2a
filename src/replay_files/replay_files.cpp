#include "replay_files/replay_files.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace sovmesh::replay_files {
namespace {

namespace fs = std::filesystem;
using std::chrono::microseconds;

constexpr std::size_t kTimeBytes = 8;
constexpr std::string_view kHalf = ".new";  // of a file that is being written

std::string time_bytes(WallTime time) {
  const auto count = static_cast<std::uint64_t>(
      std::chrono::duration_cast<microseconds>(time.time_since_epoch()).count());
  std::string bytes;
  for (unsigned shift = 64; shift > 0; shift -= 8)
    bytes += static_cast<char>(count >> (shift - 8) & 0xFFU);
  return bytes;
}

WallTime time_of(std::string_view bytes) {
  std::uint64_t count = 0;
  for (const char byte : bytes)
    count = count << 8U | static_cast<unsigned char>(byte);
  return WallTime(microseconds(static_cast<std::int64_t>(count)));
}

std::string context_of(TenantId tenant, RequestId request, std::string_view until) {
  return "replay " + tenant.value.text() + " " + request.value.text() + " " + std::string(until);
}

bool make_folder(const std::string& path) {
  return ::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST;
}

std::optional<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void remove_all(const std::string& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

}  // namespace

Result<std::unique_ptr<ReplayFiles>> ReplayFiles::open(std::string folder, const Secret& secret,
                                                       const Clock& clock, Random& random) {
  std::unique_ptr<ReplayFiles> files(new ReplayFiles(std::move(folder), secret, clock, random));
  TRY_VOID(files->look_through());
  return files;
}

Result<void> ReplayFiles::look_through() {
  if (!make_folder(folder_))
    return our_error(Code::data_dir_invalid, "cannot make '" + folder_ + "'");
  std::error_code failed;
  fs::directory_iterator tenants(folder_, failed);
  if (failed) return our_error(Code::data_dir_invalid, "cannot read '" + folder_ + "'");
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : tenants)
    names.push_back(entry.path().filename().string());
  shelves_.with([&](Shelves& shelves) {
    for (const std::string& name : names)
      look_through_tenant(name, shelves);
  });
  return {};
}

void ReplayFiles::look_through_tenant(const std::string& name, Shelves& shelves) const {
  const std::string folder = folder_ + "/" + name;
  const Result<Ulid> tenant = Ulid::parse(name);
  std::error_code failed;
  fs::directory_iterator files(folder, failed);
  if (!tenant || failed) return remove_all(folder);
  Shelf& shelf = shelves[{*tenant}];
  for (const fs::directory_entry& entry : files) {
    const std::string path = entry.path().string();
    const Result<Ulid> request = Ulid::parse(entry.path().filename().string());
    std::array<char, kTimeBytes> until{};
    std::ifstream file(path, std::ios::binary);
    const auto size = entry.file_size(failed);
    if (!request || failed || !file.read(until.data(), until.size())) {
      remove_all(path);
      continue;
    }
    shelf.answers.push_back(
        {{*request}, time_of({until.data(), until.size()}), static_cast<std::int64_t>(size)});
    shelf.bytes += shelf.answers.back().bytes;
  }
  // Ids of requests grow with time.
  std::ranges::sort(shelf.answers, {}, &Answer::request);
  const WallTime now = clock_.wall_now();
  forget({*tenant}, shelf, [now](const Answer& answer) { return answer.until <= now; });
}

SecretBytes ReplayFiles::key_of(TenantId tenant) const {
  return hkdf_sha256(secret_.reveal_text(), tenant.value.text(), "sovmesh replay", kSealKeyBytes);
}

template <class Gone>
void ReplayFiles::forget(TenantId tenant, Shelf& shelf, const Gone& is_gone) const {
  std::erase_if(shelf.answers, [&](const Answer& answer) {
    if (!is_gone(answer)) return false;
    shelf.bytes -= answer.bytes;
    remove_all(path_of(tenant, answer.request));
    return true;
  });
}

Result<void> ReplayFiles::keep(TenantId tenant, RequestId request,
                               const tenancy::ReplayPolicy& policy, std::string_view answer) {
  const WallTime now = clock_.wall_now();
  const WallTime until = now + policy.ttl;
  std::string bytes = time_bytes(until);
  bytes += seal(key_of(tenant), answer, context_of(tenant, request, bytes), random_);
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (size > policy.bytes_max)
    return our_error(Code::queue_full, "the answer is larger than all that may be kept");
  // Its place first, its file without the lock: who looks it up meanwhile finds no file.
  shelves_.with([&](Shelves& shelves) {
    Shelf& shelf = shelves[tenant];
    std::size_t left = shelf.answers.size();
    forget(tenant, shelf, [&](const Answer& oldest) {
      const bool is_full = shelf.bytes + size > policy.bytes_max || left >= kAnswersMax;
      if (oldest.until > now && !is_full) return false;
      --left;
      return true;
    });
    shelf.answers.push_back({request, until, size});
    shelf.bytes += size;
  });
  const bool written = write(tenant, request, bytes);
  return shelves_.with([&](Shelves& shelves) -> Result<void> {
    const auto shelf = shelves.find(tenant);
    const auto is_it = [&](const Answer& other) { return other.request == request; };
    const bool wanted = shelf != shelves.end() && std::ranges::any_of(shelf->second.answers, is_it);
    if (written && wanted) return {};
    if (wanted) forget(tenant, shelf->second, is_it);
    remove_all(wanted ? path_of(tenant, request) : folder_of(tenant));
    return our_error(Code::io_error, "the answer could not be kept");
  });
}

bool ReplayFiles::write(TenantId tenant, RequestId request, std::string_view bytes) const {
  if (!make_folder(folder_of(tenant))) return false;
  const std::string path = path_of(tenant, request);
  const std::string half = path + std::string(kHalf);
  std::ofstream file(half, std::ios::binary | std::ios::trunc);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  std::error_code failed;
  if (file) fs::rename(half, path, failed);
  if (file && !failed) return true;
  remove_all(half);
  return false;
}

std::optional<std::string> ReplayFiles::find(TenantId tenant, RequestId request) {
  const WallTime now = clock_.wall_now();
  const bool is_kept = shelves_.with([&](Shelves& shelves) {
    const auto shelf = shelves.find(tenant);
    return shelf != shelves.end() &&
           std::ranges::any_of(shelf->second.answers, [&](const Answer& answer) {
             return answer.request == request && answer.until > now;
           });
  });
  if (!is_kept) return std::nullopt;
  const auto bytes = read_file(path_of(tenant, request));
  if (!bytes || bytes->size() < kTimeBytes) return std::nullopt;
  const std::string_view until = std::string_view(*bytes).substr(0, kTimeBytes);
  const auto answer = open_sealed(key_of(tenant), std::string_view(*bytes).substr(kTimeBytes),
                                  context_of(tenant, request, until));
  if (!answer) return std::nullopt;
  return std::string(answer->reveal_text());
}

void ReplayFiles::retain(const std::set<TenantId>& tenants) {
  const WallTime now = clock_.wall_now();
  shelves_.with([&](Shelves& shelves) {
    for (auto& [tenant, shelf] : shelves)
      forget(tenant, shelf, [now](const Answer& answer) { return answer.until <= now; });
    std::erase_if(shelves, [&](const auto& entry) {
      if (tenants.contains(entry.first)) return false;
      remove_all(folder_of(entry.first));
      return true;
    });
  });
}

}  // namespace sovmesh::replay_files

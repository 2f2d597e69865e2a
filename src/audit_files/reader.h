#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit_files/details.h"
#include "audit_files/files.h"
#include "audit_files/folder_tiles.h"
#include "audit_files/writer.h"
#include "ledgerlog/entry.h"
#include "store/audit.h"

namespace sovmesh::audit_files {

// Reads entries out of tiles, and the last ones out of memory. It keeps no index: entries stand in
// the order of their times, so a search by time, or by a request's id, which holds one, begins
// near its end. Any thread; every call but drop_known() and ended() is bounded by kScanMax entries.
class Reader {
 public:
  static constexpr std::uint64_t kScanMax = 200'000;

  Reader(Files& files, std::string folder, Shared& shared)
      : files_(files),
        folder_(std::move(folder)),
        shared_(shared),
        details_(files, folder_ + "/detail") {}

  Result<store::AuditPage> list(const store::AuditFilter& filter, std::size_t limit);
  Result<store::AuditRecord> entry(std::uint64_t index);
  Result<store::AuditRecord> find(RequestId request);
  // Takes out the requests that have an entry. Reads all from the oldest of them on.
  Result<void> drop_known(std::vector<store::RequestEntry>& requests);
  // What requests came to that have an entry. Reads as much.
  Result<std::map<RequestId, metering::Counts>> ended(const std::vector<RequestId>& requests);
  // In the last checkpoint's tree, or one before it; Code::not_found beyond it.
  Result<store::AuditProof> prove(std::uint64_t index, std::optional<std::uint64_t> size);
  Result<std::string> detail(std::uint64_t index);
  Result<std::string> served(std::string_view path);

 private:
  // Entries one after the other: keeps the bundle it is in.
  class Cursor;
  Result<std::uint64_t> first_from(Cursor& cursor, WallTime time);
  // Each entry of these requests, with the request's number among them.
  using OnEntry = std::function<Result<void>(std::size_t number, const std::string& bytes)>;
  Result<void> each_of(const std::vector<RequestId>& requests, const OnEntry& on_entry);

  Files& files_;
  std::string folder_;
  Shared& shared_;
  Details details_;
};

}  // namespace sovmesh::audit_files

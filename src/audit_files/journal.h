#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "audit_files/files.h"
#include "base/result.h"

namespace sovmesh::audit_files {

// A file of records, each whole or not there:
//   "SMJ1" | length (4, little endian) | CRC-32 of length and payload (4) | payload
// One owner; every record is durable before the next one begins, so a power loss can damage the
// last one alone. It is dropped at the next open(); damage before it is refused.
class Journal {
 public:
  static constexpr std::size_t kRecordBytesMax = 64U << 20;

  // Makes the file when it is not there. `records` gets the payloads in order.
  static Result<Journal> open(Files& files, const std::string& path,
                              std::vector<std::string>* records);

  // Durable on return. After Code::overloaded (the disk is full) the journal is as before and may
  // be tried again; after any other error it takes nothing more.
  Result<void> append(std::string_view payload);
  bool broken() const { return broken_; }
  std::uint64_t size() const { return size_; }
  // For a journal of secrets that another file has replaced.
  Result<void> wipe() { return file_->wipe(); }

  // The file's contents with these records, to write it whole.
  static std::string format(std::string_view payload);
  // Payloads of the whole records in `bytes`, for readers; `end` gets where the last of them ends.
  static Result<std::vector<std::string>> parse(std::string_view bytes, const std::string& path,
                                                std::uint64_t* end = nullptr);

 private:
  explicit Journal(std::unique_ptr<File> file) : file_(std::move(file)) {}

  std::unique_ptr<File> file_;
  std::uint64_t size_ = 0;  // bytes of whole records
  bool broken_ = false;
};

}  // namespace sovmesh::audit_files

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "audit_files/files.h"
#include "audit_files/gap.h"
#include "base/result.h"

namespace sovmesh::audit_files {

// How many requests were refused, and which ones ended, while the disk had no room for entries, in
// a file whose room is kept: it is overwritten in place, so a kill loses what came after the last
// save() alone. Two slots take turns, each a record with its check sum; a save that is torn leaves
// the one before it. One thread.
class HeldCounts {
 public:
  static constexpr std::size_t kSlot = 4'096;

  struct Note {
    std::uint64_t log_size = 0;  // entries that there were: one that tells of it has a later number
    std::uint64_t count = 0;
    std::string text;  // by why, as RefusalCounts::text()
    Gap gap;           // of requests that ended

    bool is_empty() const { return count == 0 && gap.count == 0; }
  };

  // Makes the file, where there is room for it. Code::overloaded: there is none.
  static Result<HeldCounts> open(Files& files, const std::string& path);

  // What is in the file.
  const Note& note() const { return note_; }
  // Something is, and nobody can read what.
  bool is_damaged() const { return is_damaged_; }
  // Durable on return.
  Result<void> save(Note note);

 private:
  HeldCounts() = default;
  void read_slot(std::string_view slot);

  std::unique_ptr<File> file_;
  std::uint64_t saves_ = 0;
  Note note_;
  bool is_damaged_ = false;
};

}  // namespace sovmesh::audit_files

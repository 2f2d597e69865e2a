#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "llmapi/json_reader.h"
#include "llmapi/request.h"

namespace sovmesh::llmapi {

// What becomes of a member that has been read.
enum class Keep : std::uint8_t { keep, drop, fail };

// Reads typed members of a request body and knows where it is, for errors like
// {"code":"invalid_type","param":"messages[0].role"}. Every read either consumes the value and
// copies it, or returns false (Keep::fail) with error() or the reader's fault set.
class RequestFields {
 public:
  explicit RequestFields(const FieldPolicy& policy) : policy_(policy) {}

  JsonReader& json() { return json_; }
  const JsonReader& json() const { return json_; }
  std::optional<Error>& error() { return error_; }
  const FieldPolicy& policy() const { return policy_; }

  // Calls read(key) -> Keep for each member.
  template <class Read>
  bool object(Read&& read);
  // Calls read(index) -> bool for each element. The count is checked against both bounds.
  template <class Read>
  bool array(std::size_t count_min, std::size_t count_max, Read&& read);

  bool string();                             // any
  bool string_up_to(std::size_t bytes_max);  // of its text
  bool name();                               // 1..64 of [A-Za-z0-9_-]
  bool one_of(std::initializer_list<std::string_view> allowed, std::size_t& which);
  bool boolean(bool& value);
  bool integer(std::int64_t min, std::int64_t max, std::int64_t& value);
  bool decimal(double min, double max);
  bool any_object();
  bool null_or_string();  // a null is copied too
  // True when the value was null, which is then consumed.
  bool skip_null();

  // A member this module does not know, at any depth.
  Keep unknown(std::string_view key);

  bool fail(Code code, std::string message);
  Keep refuse(Code code, std::string message);
  bool wrong_type(std::string_view expected);
  // For what is absent, so that the path ends with a name that was not read.
  bool missing(std::string_view key);
  bool fail_at(std::string_view key, Code code, std::string_view text_before,
               std::string_view text_after);
  std::string where() const;

 private:
  struct Segment {
    std::string_view key;
    std::size_t index = 0;
  };
  static constexpr std::size_t kPathMax = 12;  // deeper than any object that is read by name

  void enter(Segment segment) {
    if (path_size_ < kPathMax) path_[path_size_] = segment;
    ++path_size_;
  }
  void leave() { --path_size_; }

  const FieldPolicy& policy_;
  JsonReader json_;
  std::optional<Error> error_;
  std::array<Segment, kPathMax> path_;
  std::size_t path_size_ = 0;
};

template <class Read>
bool RequestFields::object(Read&& read) {
  if (json_.kind() != JsonKind::object) return wrong_type("an object");
  if (!json_.open_object()) return false;
  for (;;) {
    char* const mark = json_.mark();
    std::string_view key;
    const JsonReader::Step step = json_.next_member(key);
    if (step != JsonReader::Step::more) return step == JsonReader::Step::end;
    enter({.key = key});
    const Keep keep = read(key);
    if (keep == Keep::fail) return false;
    leave();
    if (keep == Keep::drop) json_.rewind(mark);
  }
}

template <class Read>
bool RequestFields::array(std::size_t count_min, std::size_t count_max, Read&& read) {
  if (json_.kind() != JsonKind::array) return wrong_type("an array");
  if (!json_.open_array()) return false;
  for (std::size_t i = 0;; ++i) {
    const JsonReader::Step step = json_.next_element();
    if (step == JsonReader::Step::fault) return false;
    if (step == JsonReader::Step::end) {
      if (i >= count_min) return true;
      return fail(Code::empty_array,
                  "Invalid '" + where() + "': empty array. Expected an array with minimum length " +
                      std::to_string(count_min) + ", but got an empty array instead.");
    }
    if (i == count_max) {
      return fail(Code::array_above_max_length,
                  "Invalid '" + where() + "': array too long. Expected an array with maximum " +
                      "length " + std::to_string(count_max) + ".");
    }
    enter({.key = {}, .index = i});
    if (!read(i)) return false;
    leave();
  }
}

}  // namespace sovmesh::llmapi

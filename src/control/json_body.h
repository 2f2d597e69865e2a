#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/decimal.h"
#include "base/result.h"

namespace sovmesh::control {

// A request body of the admin API, read strictly: one JSON object, each member of the right type,
// nothing that nobody asked for. Readers remember the first error; done() tells it, so ask for
// every member first and believe the values only after done().
class JsonBody {
 public:
  static constexpr std::size_t kTextMax = 1'024;  // bytes of one string
  static constexpr std::size_t kListMax = 1'000;  // entries of one list

  explicit JsonBody(std::string_view bytes);  // empty: an object without members
  ~JsonBody();

  std::string required_text(const char* name);
  std::optional<std::string> text(const char* name);
  std::optional<std::vector<std::string>> texts(const char* name);
  // {"name": "text"}
  std::optional<std::map<std::string, std::string>> text_map(const char* name);
  std::optional<bool> flag(const char* name);
  std::optional<std::int64_t> number(const char* name, std::int64_t min, std::int64_t max);
  // An integer, or a text such as "250.00": a number with a point is not exact in JSON.
  std::optional<Decimal> decimal(const char* name);
  // The member is there and null: a change takes back what was set. Ask beside one of the above.
  // Any other null is an error.
  bool is_null(const char* name);
  Result<void> done();
  bool is_empty() const;  // it has no members: nothing is to change

 private:
  struct Impl;
  void fail_at(Code code, const char* name, std::string_view wanted);

  std::unique_ptr<Impl> impl_;
};

}  // namespace sovmesh::control

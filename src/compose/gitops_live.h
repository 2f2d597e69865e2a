#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compose/admin_http.h"
#include "compose/gitops_plan.h"

namespace sovmesh::compose::gitops {

// A list of the API to its last page; of one object a list of it.
using Rows = std::function<Result<Json>(std::string_view path)>;

// Reads the objects of a server as documents have them. What the caller may not see is in `hidden`,
// and as if it were not there.
class LiveReader {
 public:
  explicit LiveReader(Rows rows) : rows_(std::move(rows)) {}
  Result<LiveByKey> read_all(std::set<Kind>& hidden);
  // One of them again, in `live`: after others were written.
  Result<void> read_again(Kind kind, LiveByKey& live);

 private:
  Result<std::vector<Live>> read(Kind kind);
  Result<std::vector<Live>> read_settings();
  std::vector<Live> keys_of(const Json& rows);
  std::optional<Live> object_of(Kind kind, const Json& row);
  std::optional<Live> membership_of(const Json& row) const;
  std::optional<Live> limit_of(const Json& row) const;
  Rows rows_;
  std::map<std::string, std::string> logins_;     // of users, by id
  std::map<std::string, std::string> key_names_;  // "default/chatbot" of keys, by id
};

// The name that the server gives to a limit that got none.
std::string usual_limit_name(const Json& limit);

}  // namespace sovmesh::compose::gitops

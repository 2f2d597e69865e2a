#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "compose/admin_http.h"

namespace sovmesh::compose {

// A server that somebody works with, under a short name, and what speaks for him there.
struct Context {
  std::string name;
  AdminPlace place;
  std::string login;       // empty: a token speaks
  std::string user = {};   // who that is, as the server said; empty: it was not kept
  std::string expires_at;  // of a session
};

// ~/.config/sovmesh/contexts.yaml ($XDG_CONFIG_HOME where that is set): readable by its owner
// alone.
struct Contexts {
  std::string current;  // empty: none
  std::vector<Context> all;

  const Context* find(std::string_view name) const;
  void put(Context context);  // in place of the one of its name
  // Whether one of `user` ("": nobody has asked yet) at `url` may be kept under this name: nobody
  // has it, or it is the same user's at the same server, who has come back.
  Result<void> check_free(std::string_view name, std::string_view url, std::string_view user) const;
};
inline constexpr std::size_t kContextsMax = 1'000;

Result<std::string> contexts_path();
// None when there is no file. Code::config_invalid for one that others can read, or that makes no
// sense.
Result<Contexts> load_contexts(const std::string& path);
// The file and its folder are made when they are not there; replaced as a whole or not at all.
Result<void> save_contexts(const std::string& path, const Contexts& contexts);

// load_contexts(), `change`, save_contexts(), with nobody else's change in between; nothing is
// written when it fails. Code::conflict when others keep at it for kContextsPatience.
Result<void> change_contexts(const std::string& path,
                             const std::function<Result<void>(Contexts&)>& change);
inline constexpr std::chrono::milliseconds kContextsPatience{5'000};

// Where commands go to when nobody says it; nothing: to the data folder of this machine.
Result<std::optional<Context>> current_context();

}  // namespace sovmesh::compose

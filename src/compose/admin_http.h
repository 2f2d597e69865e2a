#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace sovmesh::compose {

// Where an admin API is and what speaks for us there.
struct AdminPlace {
  std::string url;      // unix:/PATH, http://HOST:PORT or https://HOST:PORT
  std::string ca_file;  // of https: trust these alone; empty: the system's
  Secret token;         // sent as a bearer; empty: none
  Secret session;       // or the cookie of somebody who has signed in, with its CSRF token
  Secret csrf_token;
  // Secrets may go over http:// to another machine, where everybody on the way can read them.
  bool may_be_clear = false;
};

struct AdminAnswer {
  int status = 0;
  std::string body;
  std::string etag;
  std::string set_cookie;
  std::optional<std::chrono::seconds> retry_after = {};
};

// One caller of an admin API, over one connection that is kept. Blocking, for one thread; each
// answer within kPatience.
class AdminHttp {
 public:
  // Code::invalid_value when the place makes no sense.
  static constexpr int kWaitsMax = 10;
  static constexpr std::chrono::seconds kWaitMax{30};
  static Result<AdminHttp> connect(const AdminPlace& place);
  AdminHttp(AdminHttp&&) noexcept;
  AdminHttp& operator=(AdminHttp&&) noexcept;
  ~AdminHttp();

  // Where the server allows only so many calls it is waited for, kWaitsMax times. (Sign-ins are
  // not tried again.)
  // `if_match`: an ETag; empty: whatever the object is. Code::dependency_unavailable when nobody
  // answers.
  Result<AdminAnswer> ask(std::string_view method, std::string_view target, std::string_view body,
                          std::string_view if_match = {});

 private:
  struct Impl;
  Result<AdminAnswer> ask_once(std::string_view method, std::string_view target,
                               std::string_view body, std::string_view if_match);
  explicit AdminHttp(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sovmesh::compose

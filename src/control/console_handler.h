#pragma once

#include <span>
#include <string_view>

#include "http/exchange.h"

namespace sovmesh::control {

// One file of the web console as it is in the binary.
struct ConsoleFile {
  std::string_view path;  // "/assets/index-3f2a91c0.js", "/index.html"
  std::string_view content_type;
  std::string_view gzip;  // its bytes, compressed
  std::string_view etag;  // in quotes
};

// What this build has; empty: it was built without node. Made at build time (console/pack.mjs).
std::span<const ConsoleFile> console_files();

// The web console on the admin listeners: its page at / and at all its addresses below /console/,
// its scripts below /assets/. None of it is secret, so nobody is asked who he is; what the page
// shows it reads from the API, which `next` answers like all else. Its playground sends requests
// with a tenant's key to `models`, the data listener's own handler, below /v1/: a browser then
// needs no leave of another address, and the page's policy none for it. One worker.
class ConsoleHandler : public http::Handler {
 public:
  ConsoleHandler(std::span<const ConsoleFile> files, http::Handler& next, http::Handler& models);
  rt::Task<void> handle(http::Exchange& exchange) override;
  rt::Task<void> refuse(http::Exchange& exchange, int status, const Error& error) override;

  // Whether the console answers this path, be it that there is no such file.
  static bool is_console_path(std::string_view path);
  static bool is_model_path(std::string_view path);
  struct Reply {
    http::ResponseHead head;
    std::string_view body;
  };
  // Of a path of the console's.
  Result<Reply> reply(const http::RequestHead& head) const;

 private:
  const ConsoleFile* find(std::string_view path) const;

  std::span<const ConsoleFile> files_;
  http::Handler& next_;
  http::Handler& models_;
};

}  // namespace sovmesh::control

#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sovmesh::compose {

// The admin API as the command line uses it: over DATA_DIR/admin.sock, or over TCP with the token
// of DATA_DIR/admin.token. Blocking.
struct AdminCli {
  std::string data_dir;
  std::string address;       // ADDR:PORT of an admin listener; empty: the socket
  std::string token_file;    // for `address`; empty: DATA_DIR/admin.token
  bool json = false;         // print what the API answered; of a list, all pages as one
  std::size_t rows_max = 0;  // of a list; 0: all there are
};

// Sends one request and prints the answer: a list, to its last page, as a table of `columns`, an
// object as lines. Columns are members, and of limits "use" (a bar) and "resets".
// Returns an exit code: kExitUnreachable when nobody listens, kExitFailed for a refusal.
int admin_call(const AdminCli& cli, std::string_view method, std::string_view target,
               std::string_view body, const std::vector<std::string>& columns);

// The same without printing: for commands that work on the answer.
struct AdminAnswer {
  int status = 0;
  std::string body;
};
Result<AdminAnswer> admin_ask(const AdminCli& cli, std::string_view method, std::string_view target,
                              std::string_view body);
// Prints why there is no good answer; the exit code.
int admin_failed(const Result<AdminAnswer>& answer);
std::string printable(std::string text);  // without control characters

// Percent-encodes what is to be one part of a path or a query value.
std::string url_part(std::string_view text);

// `sovmesh key generate`: prints a fresh key, for `secret: file:...` of a configuration.
int generate_key();

}  // namespace sovmesh::compose

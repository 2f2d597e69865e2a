#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "compose/admin_http.h"

namespace sovmesh::compose {

enum class Output : std::uint8_t { table, json, yaml };

// The admin API as the command line uses it: over DATA_DIR/admin.sock, over TCP with the token of
// DATA_DIR/admin.token, or at the place of a context (`sovmesh login`). Blocking.
struct AdminCli {
  std::string data_dir;
  std::string address;     // ADDR:PORT of an admin listener; empty: the socket
  std::string token_file;  // for `address` and `url`; empty: $SM_TOKEN or DATA_DIR/admin.token
  // What is printed of an answer: the API's JSON or the same as YAML; of a list all pages as one.
  Output output = Output::table;
  std::string url = {};      // https://HOST or http://HOST:PORT, instead of `address`
  bool is_unnamed = false;   // nobody said where: the current context's place, if there is one
  std::size_t rows_max = 0;  // of a list; 0: all there are
};

// Code::invalid_value when what was said makes no sense; connects with the first request.
Result<AdminHttp> connect(const AdminCli& cli);

// Sends one request and prints the answer: a list, to its last page, as a table of `columns`, an
// object as lines. Columns are members, and of limits "use" (a bar) and "resets".
// Returns an exit code: kExitUnreachable when nobody listens, kExitFailed for a refusal.
int admin_call(const AdminCli& cli, std::string_view method, std::string_view target,
               std::string_view body, const std::vector<std::string>& columns);

// The same without printing: for commands that work on the answer.
Result<AdminAnswer> admin_ask(const AdminCli& cli, std::string_view method, std::string_view target,
                              std::string_view body);
// Prints an answer as JSON or YAML; false when a table is wanted, which the caller prints.
bool print_plainly(const AdminCli& cli, const std::string& body);
// Prints why there is no good answer; the exit code.
int admin_failed(const Result<AdminAnswer>& answer);
std::string printable(std::string text);  // without control characters

// Percent-encodes what is to be one part of a path or a query value.
std::string url_part(std::string_view text);

// `sovmesh key generate`: prints a fresh key, for `secret: file:...` of a configuration.
int generate_key();

}  // namespace sovmesh::compose

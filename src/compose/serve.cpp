#include "compose/serve.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>

#include "compose/preflight.h"
#include "compose/process.h"
#include "rt/real.h"

namespace sovmesh::compose {

int exit_code_of(const Error& error) {
  switch (error.code()) {
    case Code::config_invalid:
    case Code::conflict:
      return kExitConfig;
    case Code::data_dir_invalid:
      return kExitDataDir;
    case Code::dependency_unavailable:
      return kExitUnreachable;
    default:
      return kExitFailed;
  }
}

namespace {

// Before the first thread: each inherits the mask, so a signal can only reach the loop's signalfd
// and never ends the process by its default action.
void block_signals() {
  sigset_t ours;
  ::sigemptyset(&ours);
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    ::sigaddset(&ours, number);
  ::pthread_sigmask(SIG_BLOCK, &ours, nullptr);
}

// A core would hold prompts and every secret of ours. The limit 1 stops it where cores go to a
// program as well (core_pattern "|..."), to which the limit 0 means nothing.
void leave_no_core() {
  const rlimit limit{.rlim_cur = 1, .rlim_max = 1};
  ::setrlimit(RLIMIT_CORE, &limit);
}

}  // namespace

Result<void> check_listen_address(const std::string& text) {
  TRY_VOID(rt::parse_endpoint(text));
  return {};
}

WallTime wall_now() { return rt::make_system_clock()->wall_now(); }

int serve(ServeOptions options) {
  // Whoever reads our words may go away: an error of a write, and no end. Children get the default
  // back.
  ::signal(SIGPIPE, SIG_IGN);
  if (const auto findings = preflight(options.config); !findings.empty()) {
    fmt::print(stderr, "{}\n", fmt::join(findings, "\n"));
    return kExitConfig;
  }
  leave_no_core();
  block_signals();
  Process process(std::move(options));
  if (const Result<void> opened = process.open(); !opened) {
    fmt::print(stderr, "sovmesh: {}\n", opened.error().message());
    return exit_code_of(opened.error());
  }
  return process.run();
}

}  // namespace sovmesh::compose

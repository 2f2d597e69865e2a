#include "compose/serve.h"

#include <fmt/format.h>

#include <cstdio>

#include "compose/process.h"

namespace sovmesh::compose {

int exit_code_of(const Error& error) {
  switch (error.code()) {
    case Code::config_invalid:
    case Code::conflict:
      return kExitConfig;
    case Code::data_dir_invalid:
      return kExitDataDir;
    default:
      return kExitFailed;
  }
}

int serve(ServeOptions options) {
  Process process(std::move(options));
  if (const Result<void> opened = process.open(); !opened) {
    fmt::print(stderr, "sovmesh: {}\n", opened.error().message());
    return exit_code_of(opened.error());
  }
  return process.run();
}

}  // namespace sovmesh::compose

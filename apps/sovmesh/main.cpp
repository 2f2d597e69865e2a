#include <cstdio>
#include <string_view>

// Arguments in, one call into compose, exit code out. Exit codes: 0 clean, 2 usage, 3 unreachable,
// 4 configuration, 5 data folder.
int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--version") {
    std::puts("sovmesh " SM_VERSION);
    return 0;
  }
  std::fputs("usage: sovmesh --version\n", stderr);
  return 2;
}

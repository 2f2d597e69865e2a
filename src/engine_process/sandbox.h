#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The walls around an engine, which reads model files and prompts from strangers in C++ code that
// has had memory bugs. Each measure stands alone and falls back with a reason that operators see:
//
//   network    an empty network namespace: no interface, not even loopback
//   identity   a user id of its own (when we are root), else a user namespace without privileges
//   privileges no_new_privs, so no set-uid program helps
//   files      Landlock: its program, libraries and model to read; its socket to make; nothing else
//   calls      seccomp: an allow-list of system calls; any other one ends the engine by SIGSYS
//   limits     no core dumps, no file growth, bounded descriptors and (when set) memory
//
// Descriptors and environment are the spawner's part: it closes and empties them.
namespace sovmesh::engine_process {

// One measure, as `sovmesh doctor` shows it.
struct Measure {
  std::string name;
  bool in_force = false;
  std::string detail;  // how, or why not
};
struct SandboxReport {
  std::vector<Measure> measures;
  const Measure* find(std::string_view name) const;
};

// What an engine may touch.
struct SandboxNeeds {
  std::vector<std::string> read_trees;  // program, interpreter, libraries
  std::vector<std::string> read_files;  // model and adapters
  std::string run_dir;                  // its socket is made here; its working directory
  std::int64_t memory_max_bytes = 0;    // 0: no limit. Private writable memory; the model is not
  std::string name;                     // of the engine: chooses its user id
};

// Everything the child needs, built before fork: between fork and exec it makes system calls only.
struct Confinement {
  int namespaces = 0;            // for rt::ProcessSpec
  std::function<int()> confine;  // likewise; expects to run before descriptors are closed or after
  std::optional<uid_t> uid;      // when the engine runs as another user; owns run_dir then
  SandboxReport report;
};
// Tries each measure in a short-lived child and builds the walls from those that hold. A measure
// that does not is left out, with the reason in the report.
Confinement plan_sandbox(const SandboxNeeds& needs);

// The measures an engine would get here.
SandboxReport probe_sandbox();

// The folders that the program of an engine needs to run: itself, its virtual environment, its
// interpreter, the system's libraries.
std::vector<std::string> program_trees(const std::string& program);

}  // namespace sovmesh::engine_process

#include "engine_process/sandbox.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "engine_process/landlock.h"
#include "engine_process/syscall_filter.h"

namespace sovmesh::engine_process {
namespace {

// Engines as root get user ids from here, one per name: above what Debian and systemd hand out,
// below the first subordinate ids.
constexpr uid_t kFirstUid = 67'000;
constexpr uid_t kUids = 1'000;
constexpr rlim_t kDescriptorsMax = 4'096;

// What the child does to itself, in this order; everything was built before fork.
struct Walls {
  pid_t parent = 0;
  std::string run_dir;
  std::optional<uid_t> uid;
  std::optional<LandlockRules> files;
  std::vector<sock_filter> calls;
  std::int64_t memory_max_bytes = 0;
};

int error_of(int rc) { return rc == 0 ? 0 : errno; }

int limit(int resource, rlim_t most) {
  rlimit now{};
  // Resources are an enum in C++ and an int in glibc's own prototype for others.
  const auto which = static_cast<__rlimit_resource_t>(resource);
  if (getrlimit(which, &now) != 0) return errno;
  const rlim_t value = std::min(most, now.rlim_max);
  const rlimit wanted{.rlim_cur = value, .rlim_max = value};
  return error_of(setrlimit(which, &wanted));
}

int set_limits(std::int64_t memory_max_bytes) {
  if (const int rc = limit(RLIMIT_CORE, 0); rc != 0) return rc;
  if (const int rc = limit(RLIMIT_FSIZE, 0); rc != 0) return rc;
  if (const int rc = limit(RLIMIT_NOFILE, kDescriptorsMax); rc != 0) return rc;
  if (memory_max_bytes <= 0) return 0;
  return limit(RLIMIT_DATA, static_cast<rlim_t>(memory_max_bytes));
}

int become(uid_t uid) {
  if (setgroups(0, nullptr) != 0) return errno;
  if (setresgid(uid, uid, uid) != 0) return errno;
  return error_of(setresuid(uid, uid, uid));
}

// A user namespace makes us its root, which exec would keep. Errors: there was nothing to drop.
void drop_capabilities() {
  constexpr unsigned long kLastPossible = 63;
  for (unsigned long capability = 0; capability <= kLastPossible; ++capability)
    prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const std::array<__user_cap_data_struct, 2> none{};
  syscall(SYS_capset, &header, none.data());
}

int forbid_new_privileges() { return error_of(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)); }

int load_filter(const std::vector<sock_filter>& program) {
  // The kernel only reads it.
  sock_fprog loaded{.len = static_cast<unsigned short>(program.size()),
                    .filter = const_cast<sock_filter*>(program.data())};
  return error_of(static_cast<int>(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded)));
}

// System calls only: this runs between fork and exec.
int put_up(const Walls& walls) {
  // While still ourselves: the folders above it may be closed to others.
  if (chdir(walls.run_dir.c_str()) != 0) return errno;
  umask(S_IRWXG | S_IRWXO);
  if (const int rc = set_limits(walls.memory_max_bytes); rc != 0) return rc;
  if (walls.uid)
    if (const int rc = become(*walls.uid); rc != 0) return rc;
  drop_capabilities();
  // A change of user forgets the parent-death signal.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return errno;
  if (getppid() != walls.parent) return ESRCH;
  if (const int rc = forbid_new_privileges(); rc != 0) return rc;
  if (walls.files)
    if (const int rc = walls.files->enforce(); rc != 0) return rc;
  return walls.calls.empty() ? 0 : load_filter(walls.calls);
}

// Runs `attempt` (system calls only) in a short-lived child: what it returned, an errno or 0.
template <class F>
int in_child(F attempt) {
  const pid_t pid = fork();
  if (pid < 0) return errno;
  if (pid == 0) _exit(attempt() & 0xff);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : ECANCELED;
}

std::string reason(std::string_view what, int error) {
  return std::string(what) + ": " + std::strerror(error);
}

// 0 when a process of user `uid` could read what the engine needs and make its socket.
int usable_as(uid_t uid, const SandboxNeeds& needs) {
  return in_child([&] {
    if (!needs.run_dir.empty() && chdir(needs.run_dir.c_str()) != 0) return errno;
    if (const int rc = become(uid); rc != 0) return rc;
    for (const auto* paths : {&needs.read_trees, &needs.read_files})
      for (const std::string& path : *paths)
        if (access(path.c_str(), R_OK) != 0 && errno != ENOENT) return errno;
    if (!needs.run_dir.empty() && access(".", R_OK | W_OK | X_OK) != 0) return errno;
    return 0;
  });
}

uid_t uid_for(std::string_view name) { return kFirstUid + crc32(name) % kUids; }

constexpr int kNetwork = CLONE_NEWNET | CLONE_NEWIPC;

// Another user when we are root, else a user namespace; each with an empty network where allowed.
void plan_identity(const SandboxNeeds& needs, Walls& walls, Confinement& plan) {
  Measure identity{.name = "identity", .in_force = false, .detail = {}};
  if (geteuid() == 0) {
    const uid_t uid = uid_for(needs.name);
    if (!needs.run_dir.empty() && chown(needs.run_dir.c_str(), uid, uid) != 0)
      identity.detail = reason("its folder cannot be given away", errno);
    else if (const int rc = usable_as(uid, needs); rc != 0)
      identity.detail = reason("another user could not use its files", rc);
    else
      walls.uid = uid;
    if (!walls.uid && !needs.run_dir.empty() && chown(needs.run_dir.c_str(), 0, 0) != 0)
      identity.detail += " (and it stays theirs)";
  }
  const int user = walls.uid ? 0 : CLONE_NEWUSER;
  const int rc = in_child([user] { return error_of(unshare(user | kNetwork)); });
  if (rc == 0) plan.namespaces = user | kNetwork;
  identity.in_force = walls.uid.has_value() || rc == 0;
  if (walls.uid)
    identity.detail = "user id " + std::to_string(*walls.uid);
  else if (rc == 0)
    identity.detail = "a user namespace without privileges" +
                      (identity.detail.empty() ? "" : "; " + identity.detail);
  else if (identity.detail.empty())
    identity.detail = reason("no user namespaces", rc);
  Measure network{.name = "network", .in_force = rc == 0, .detail = "an empty network namespace"};
  if (rc != 0) network.detail = reason("no network namespace", rc);
  plan.report.measures.push_back(std::move(network));
  plan.report.measures.push_back(std::move(identity));
}

void plan_files(const SandboxNeeds& needs, Walls& walls, Confinement& plan) {
  Measure measure{.name = "files", .in_force = false, .detail = {}};
  const int version = landlock_version();
  LandlockRules rules(version);
  for (const std::string& path : needs.read_trees)
    rules.read_tree(path);
  for (const std::string& path : needs.read_files)
    rules.read_file(path);
  for (const char* path : {"/sys/devices/system/cpu", "/sys/devices/system/node"})
    rules.read_tree(path);
  for (const char* path : {"/etc/ld.so.cache", "/etc/localtime", "/proc/cpuinfo", "/proc/meminfo",
                           "/dev/urandom", "/dev/random", "/dev/zero"})
    rules.read_file(path);
  rules.use_device("/dev/null");
  // Its working directory by then; the way there may be closed to its user.
  if (!needs.run_dir.empty()) rules.make_sockets_in(".");

  const int rc = version == 0 ? ENOSYS : in_child([&rules] {
    const int failed = forbid_new_privileges();
    return failed != 0 ? failed : rules.enforce();
  });
  measure.in_force = rc == 0;
  measure.detail = rc == 0 ? "Landlock version " + std::to_string(version)
                           : reason("no Landlock in this kernel", rc);
  if (rc == 0) walls.files = std::move(rules);
  plan.report.measures.push_back(std::move(measure));
}

void plan_calls(Walls& walls, Confinement& plan) {
  Measure measure{.name = "calls", .in_force = false, .detail = {}};
  auto program = build_syscall_filter();
  const int rc = !program ? EINVAL : in_child([&program] {
    const int failed = forbid_new_privileges();
    return failed != 0 ? failed : load_filter(*program);
  });
  measure.in_force = rc == 0;
  measure.detail = !program  ? program.error().message()
                   : rc == 0 ? "seccomp allow-list"
                             : reason("no seccomp in this kernel", rc);
  if (rc == 0) walls.calls = *std::move(program);
  plan.report.measures.push_back(std::move(measure));
}

void plan_limits(const SandboxNeeds& needs, Walls& walls, Confinement& plan) {
  walls.memory_max_bytes = needs.memory_max_bytes;
  const int rc = in_child([&needs] { return set_limits(needs.memory_max_bytes); });
  Measure measure{.name = "limits", .in_force = rc == 0, .detail = "no core dumps, no files"};
  if (rc != 0) measure.detail = reason("limits are refused", rc);
  if (rc == 0 && needs.memory_max_bytes > 0)
    measure.detail +=
        ", " + std::to_string(needs.memory_max_bytes >> 20) + " MiB of private memory";
  plan.report.measures.push_back(std::move(measure));
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(path.c_str(), nullptr),
                                                             &std::free);
  return resolved ? std::string(resolved.get()) : path;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == path.npos ? "/" : path.substr(0, slash);
}

}  // namespace

const Measure* SandboxReport::find(std::string_view name) const {
  const auto found = std::ranges::find(measures, name, &Measure::name);
  return found == measures.end() ? nullptr : &*found;
}

Confinement plan_sandbox(const SandboxNeeds& needs) {
  Confinement plan;
  Walls walls;
  walls.parent = getpid();
  walls.run_dir = needs.run_dir;
  plan_identity(needs, walls, plan);
  plan.report.measures.push_back(
      {.name = "privileges", .in_force = true, .detail = "no_new_privs"});
  plan_files(needs, walls, plan);
  plan_calls(walls, plan);
  plan_limits(needs, walls, plan);
  plan.uid = walls.uid;
  plan.confine = [walls = std::move(walls)] { return put_up(walls); };
  return plan;
}

SandboxReport probe_sandbox() {
  SandboxNeeds needs;
  needs.read_trees = program_trees("/usr/bin/python3");
  needs.name = "probe";
  return plan_sandbox(needs).report;
}

std::vector<std::string> program_trees(const std::string& program) {
  std::vector<std::string> trees{"/usr", "/bin", "/lib", "/lib64", program};
  // PREFIX/bin/program: its libraries lie under PREFIX. That holds for a virtual environment (the
  // link) and for the interpreter behind it (its target). Elsewhere they lie beside the program.
  for (const std::string& path : {program, real_path(program)}) {
    const std::string folder = folder_of(path);
    const std::string tree = folder.ends_with("/bin") ? folder_of(folder) : folder;
    // Never a whole home or top folder: keys may lie in it.
    if (std::ranges::count(tree, '/') < 2 || folder_of(tree) == "/home") continue;
    if (std::ranges::find(trees, tree) == trees.end()) trees.push_back(tree);
  }
  return trees;
}

}  // namespace sovmesh::engine_process

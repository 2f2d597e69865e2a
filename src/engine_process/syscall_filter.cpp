#include "engine_process/syscall_filter.h"

#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

namespace sovmesh::engine_process {
namespace {

// Seen from a llama.cpp server and a Python interpreter, from start to end, and what other releases
// of the same C libraries use for the same. Files are Landlock's business, not ours.
constexpr std::array kAllowed{"accept",
                              "accept4",
                              "access",
                              "arch_prctl",
                              "bind",
                              "brk",
                              "chdir",
                              "clock_getres",
                              "clock_gettime",
                              "clock_nanosleep",
                              "close",
                              "close_range",
                              "dup",
                              "dup2",
                              "dup3",
                              "epoll_create1",
                              "epoll_ctl",
                              "epoll_pwait",
                              "epoll_wait",
                              "eventfd2",
                              "execve",
                              "exit",
                              "exit_group",
                              "faccessat",
                              "faccessat2",
                              "fadvise64",
                              "fcntl",
                              "fstat",
                              "fstatfs",
                              "futex",
                              "get_robust_list",
                              "getcpu",
                              "getcwd",
                              "getdents64",
                              "getegid",
                              "geteuid",
                              "getgid",
                              "getgroups",
                              "getpeername",
                              "getpgid",
                              "getpgrp",
                              "getpid",
                              "getppid",
                              "getrandom",
                              "getresgid",
                              "getresuid",
                              "getrlimit",
                              "getrusage",
                              "getsid",
                              "getsockname",
                              "getsockopt",
                              "gettid",
                              "gettimeofday",
                              "getuid",
                              "listen",
                              "lseek",
                              "lstat",
                              "madvise",
                              "membarrier",
                              "mincore",
                              "mremap",
                              "msync",
                              "munmap",
                              "nanosleep",
                              "newfstatat",
                              "open",
                              "openat",
                              "pipe",
                              "pipe2",
                              "poll",
                              "ppoll",
                              "pread64",
                              "preadv",
                              "pselect6",
                              "read",
                              "readahead",
                              "readlink",
                              "readlinkat",
                              "readv",
                              "recvfrom",
                              "recvmsg",
                              "restart_syscall",
                              "rseq",
                              "rt_sigaction",
                              "rt_sigpending",
                              "rt_sigprocmask",
                              "rt_sigreturn",
                              "rt_sigsuspend",
                              "rt_sigtimedwait",
                              "sched_get_priority_max",
                              "sched_get_priority_min",
                              "sched_getaffinity",
                              "sched_getparam",
                              "sched_getscheduler",
                              "sched_yield",
                              "select",
                              "sendmsg",
                              "sendto",
                              "set_robust_list",
                              "set_tid_address",
                              "setsockopt",
                              "shutdown",
                              "sigaltstack",
                              "stat",
                              "statfs",
                              "statx",
                              "sysinfo",
                              "time",
                              "times",
                              "umask",
                              "uname",
                              "unlink",
                              "unlinkat",
                              "write",
                              "writev"};

// Tried by interpreters and libraries that do without.
constexpr std::array kRefused{"chmod",
                              "chown",
                              "connect",
                              "execveat",
                              "fallocate",
                              "fchmod",
                              "fchmodat",
                              "fchown",
                              "fork",
                              "ftruncate",
                              "get_mempolicy",
                              "kill",
                              "link",
                              "linkat",
                              "mbind",
                              "mkdir",
                              "mkdirat",
                              "mlock",
                              "mlock2",
                              "mlockall",
                              "rename",
                              "renameat",
                              "renameat2",
                              "rmdir",
                              "sched_setaffinity",
                              "sched_setscheduler",
                              "set_mempolicy",
                              "setpriority",
                              "setrlimit",
                              "symlink",
                              "symlinkat",
                              "truncate",
                              "utimensat",
                              "vfork",
                              "wait4",
                              "waitid"};
// An old kernel would not have them: callers fall back.
constexpr std::array kAbsent{"clone3",           "futex_waitv",  "inotify_init1", "io_uring_setup",
                             "map_shadow_stack", "memfd_create", "openat2",       "pkey_alloc",
                             "preadv2",          "pwritev2",     "seccomp"};

struct Release {
  void operator()(void* context) const { seccomp_release(context); }
};
using Filter = std::unique_ptr<void, Release>;

// Adds rules and remembers the first failure. A name this libseccomp or this machine does not know
// is no rule: the call cannot be made by that name.
class Rules {
 public:
  explicit Rules(scmp_filter_ctx context) : context_(context) {}

  void add(std::uint32_t action, const char* call, std::initializer_list<scmp_arg_cmp> tests = {}) {
    const int number = seccomp_syscall_resolve_name(call);
    if (number == __NR_SCMP_ERROR) return;
    const int rc = seccomp_rule_add_array(context_, action, number,
                                          static_cast<unsigned>(tests.size()), tests.begin());
    if (rc < 0 && failure_.empty()) failure_ = std::string(call) + ": " + std::strerror(-rc);
  }
  const std::string& failure() const { return failure_; }

 private:
  scmp_filter_ctx context_;
  std::string failure_;
};

constexpr scmp_arg_cmp equals(unsigned argument, std::uint64_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
constexpr scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

// Memory is writable or executable, never both.
void add_memory_rules(Rules& rules, const char* call) {
  constexpr unsigned kProtection = 2;
  constexpr std::uint64_t kBoth = PROT_WRITE | PROT_EXEC;
  rules.add(SCMP_ACT_ALLOW, call, {masked(kProtection, kBoth, 0)});
  rules.add(SCMP_ACT_ALLOW, call, {masked(kProtection, kBoth, PROT_WRITE)});
  rules.add(SCMP_ACT_ALLOW, call, {masked(kProtection, kBoth, PROT_EXEC)});
  rules.add(SCMP_ACT_ERRNO(EACCES), call, {masked(kProtection, kBoth, kBoth)});
}

// Only unix sockets, and those only to listen: connect() is refused as a whole.
void add_socket_rules(Rules& rules) {
  for (const char* call : {"socket", "socketpair"}) {
    rules.add(SCMP_ACT_ALLOW, call, {equals(0, AF_UNIX)});
    rules.add(SCMP_ACT_ERRNO(EAFNOSUPPORT), call, {{0, SCMP_CMP_NE, AF_UNIX, 0}});
  }
}

// Threads, never processes: no namespace flag passes either.
void add_thread_rules(Rules& rules) {
  rules.add(SCMP_ACT_ALLOW, "clone", {masked(0, CLONE_THREAD, CLONE_THREAD)});
  rules.add(SCMP_ACT_ERRNO(EPERM), "clone", {masked(0, CLONE_THREAD, 0)});
  // abort() raises SIGABRT in itself; other signals reach nobody.
  for (const auto& [call, argument] : {std::pair("tgkill", 2U), std::pair("tkill", 1U)}) {
    rules.add(SCMP_ACT_ALLOW, call, {equals(argument, SIGABRT)});
    rules.add(SCMP_ACT_ERRNO(EPERM), call, {{argument, SCMP_CMP_NE, SIGABRT, 0}});
  }
  // Limits of its own process may be read.
  rules.add(SCMP_ACT_ALLOW, "prlimit64", {equals(0, 0), equals(2, 0)});
  rules.add(SCMP_ACT_ERRNO(EPERM), "prlimit64", {{2, SCMP_CMP_NE, 0, 0}});
}

void add_control_rules(Rules& rules) {
  for (const std::uint64_t request :
       {std::uint64_t{TCGETS}, std::uint64_t{TIOCGWINSZ}, std::uint64_t{FIONREAD},
        std::uint64_t{FIONBIO}, std::uint64_t{FIOCLEX}, std::uint64_t{FIONCLEX}})
    rules.add(SCMP_ACT_ALLOW, "ioctl", {equals(1, request)});
  for (const int option : {PR_SET_NAME, PR_GET_NAME, PR_GET_DUMPABLE, PR_CAPBSET_READ})
    rules.add(SCMP_ACT_ALLOW, "prctl", {equals(0, static_cast<std::uint64_t>(option))});
  // PR_SET_VMA: allocators name their mappings.
  constexpr std::uint64_t kSetVma = 0x53564d41;
  rules.add(SCMP_ACT_ERRNO(EINVAL), "prctl", {equals(0, kSetVma)});
}

Result<std::vector<sock_filter>> exported(scmp_filter_ctx context) {
  // libseccomp 2.5 writes programs to descriptors only.
  const int fd = memfd_create("seccomp", MFD_CLOEXEC);
  if (fd < 0) return our_error(Code::io_error, "seccomp filter: no memory file");
  const int rc = seccomp_export_bpf(context, fd);
  const off_t size = rc == 0 ? lseek(fd, 0, SEEK_END) : -1;
  std::vector<sock_filter> program;
  bool complete = false;
  if (size > 0) {
    program.resize(static_cast<std::size_t>(size) / sizeof(sock_filter));
    complete = pread(fd, program.data(), static_cast<std::size_t>(size), 0) == size;
  }
  close(fd);
  if (!complete) return our_error(Code::io_error, "seccomp filter: cannot be exported");
  return program;
}

}  // namespace

Result<std::vector<sock_filter>> build_syscall_filter() {
  const Filter filter(seccomp_init(SCMP_ACT_KILL_PROCESS));
  if (!filter) return our_error(Code::io_error, "seccomp filter: libseccomp refuses to start");
  seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a tree, not a list

  Rules rules(filter.get());
  for (const char* call : kAllowed)
    rules.add(SCMP_ACT_ALLOW, call);
  for (const char* call : kRefused)
    rules.add(SCMP_ACT_ERRNO(EPERM), call);
  for (const char* call : kAbsent)
    rules.add(SCMP_ACT_ERRNO(ENOSYS), call);
  add_memory_rules(rules, "mmap");
  add_memory_rules(rules, "mprotect");
  add_socket_rules(rules);
  add_thread_rules(rules);
  add_control_rules(rules);
  if (!rules.failure().empty())
    return our_error(Code::io_error, "seccomp filter: " + rules.failure());
  return exported(filter.get());
}

}  // namespace sovmesh::engine_process

#include "rt/spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "rt/net.h"

namespace sovmesh::rt {
namespace {

// What the child was doing when it failed, for the message of spawn().
enum class Step : int {
  session,
  standard_streams,
  namespaces,
  id_map,
  folder,
  parent,
  confine,
  exec
};

const char* name(Step step) {
  switch (step) {
    case Step::session:
      return "setsid";
    case Step::standard_streams:
      return "standard_streams";
    case Step::namespaces:
      return "unshare";
    case Step::id_map:
      return "id_map";
    case Step::folder:
      return "working_directory";
    case Step::parent:
      return "parent";
    case Step::confine:
      return "confine_step";
    case Step::exec:
      return "exec";
  }
  return "start";
}

struct Failure {
  Step step{};
  int error = 0;
};

// All that the child needs, made before the fork: afterwards it may not allocate.
class Plan {
 public:
  explicit Plan(const ProcessSpec& spec)
      : spec_(spec), uid_map_(identity_map(::geteuid())), gid_map_(identity_map(::getegid())) {
    arguments_.push_back(spec.program.c_str());
    for (const std::string& argument : spec.arguments)
      arguments_.push_back(argument.c_str());
    arguments_.push_back(nullptr);
    for (const auto& [key, value] : spec.environment)
      variables_.emplace_back(key).append("=").append(value);
    for (const std::string& variable : variables_)
      environment_.push_back(variable.c_str());
    environment_.push_back(nullptr);
  }

  // Async-signal-safe. Returns only when a step failed.
  Failure execute(int output) const;

 private:
  static std::string identity_map(unsigned id) {
    std::string map = std::to_string(id);
    map += " " + map + " 1\n";
    return map;
  }
  int map_ids() const;

  const ProcessSpec& spec_;
  std::string uid_map_;
  std::string gid_map_;
  std::vector<const char*> arguments_;
  std::vector<std::string> variables_;
  std::vector<const char*> environment_;
  pid_t parent_ = ::getpid();
};

int connect_streams(int output) {
  const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null < 0 || ::dup2(null, STDIN_FILENO) < 0) return errno;
  if (::dup2(output, STDOUT_FILENO) < 0 || ::dup2(output, STDERR_FILENO) < 0) return errno;
  // Every descriptor of ours is close-on-exec anyway; this is for those that libraries opened.
#ifdef SYS_close_range
  ::syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
#endif
  return 0;
}

int write_file(const char* path, const char* text, std::size_t size) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const ssize_t written = ::write(fd, text, size);
  const int error = written == static_cast<ssize_t>(size) ? 0 : errno;
  ::close(fd);
  return error;
}

// The same ids inside as outside: files keep their owner, and the child is nobody else.
int Plan::map_ids() const {
  // An unprivileged process may map its group only after giving setgroups() up.
  const int error = write_file("/proc/self/setgroups", "deny", 4);
  if (error != 0 && error != ENOENT) return error;
  if (const int e = write_file("/proc/self/uid_map", uid_map_.data(), uid_map_.size()); e != 0)
    return e;
  return write_file("/proc/self/gid_map", gid_map_.data(), gid_map_.size());
}

// A handler of ours must not run in the child, and an ignored signal would stay ignored after exec.
void reset_signals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < _NSIG; ++signal)
    ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

Failure Plan::execute(int output) const {
  reset_signals();
  if (::setsid() < 0) return {Step::session, errno};
  if (const int error = connect_streams(output); error != 0) return {Step::standard_streams, error};
  if (spec_.namespaces != 0 && ::unshare(spec_.namespaces) != 0) return {Step::namespaces, errno};
  if ((spec_.namespaces & CLONE_NEWUSER) != 0)
    if (const int error = map_ids(); error != 0) return {Step::id_map, error};
  if (::chdir(spec_.working_directory.c_str()) != 0) return {Step::folder, errno};
  // After the new user namespace, whose credentials may clear it.
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return {Step::parent, errno};
  if (::getppid() != parent_) return {Step::parent, ESRCH};  // it died before the line above
  if (spec_.confine)
    if (const int error = spec_.confine(); error != 0) return {Step::confine, error};
  // Nothing between the confinement and this: it may allow no other call.
  ::execve(spec_.program.c_str(), const_cast<char* const*>(arguments_.data()),
           const_cast<char* const*>(environment_.data()));
  return {Step::exec, errno};
}

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(io_error(errno, "pipe"));
  return Pipe{.read = Fd(ends[0]), .write = Fd(ends[1])};
}

// With every signal blocked, so that none of our handlers runs in the child before it has reset
// them.
pid_t fork_quietly(const Plan& plan, int output, int status) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) {
    const Failure failure = plan.execute(output);
    [[maybe_unused]] const ssize_t written = ::write(status, &failure, sizeof failure);
    ::_exit(127);
  }
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = error;
  return pid;
}

void kill_and_reap(pid_t pid) {
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

// exec closes the pipe: nothing to read means that the program runs.
Result<void> await_start(int status, pid_t pid, const ProcessSpec& spec,
                         std::chrono::milliseconds start_max) {
  pollfd poll{.fd = status, .events = POLLIN, .revents = 0};
  int ready = 0;
  while ((ready = ::poll(&poll, 1, static_cast<int>(start_max.count()))) < 0 && errno == EINTR) {
  }
  if (ready <= 0) {
    kill_and_reap(pid);
    return our_error(Code::timed_out, "starting " + spec.program + ": timed out");
  }
  Failure failure;
  if (::read(status, &failure, sizeof failure) != sizeof failure) return {};
  kill_and_reap(pid);
  return fail(io_error(failure.error, "cannot start " + spec.program + ": " + name(failure.step)));
}

}  // namespace

Result<Spawned> fork_and_exec(const ProcessSpec& spec, std::chrono::milliseconds start_max) {
  if ((spec.namespaces & CLONE_NEWPID) != 0)
    return our_error(Code::config_invalid, "a new pid namespace is not supported");
  TRY(Pipe output, make_pipe());
  TRY(Pipe status, make_pipe());
  ::fcntl(output.read.get(), F_SETFL, O_NONBLOCK);
  const Plan plan(spec);
  const pid_t pid = fork_quietly(plan, output.write.get(), status.write.get());
  if (pid < 0) return fail(io_error(errno, "fork"));
  status.write.reset();
  TRY_VOID(await_start(status.read.get(), pid, spec, start_max));
  return Spawned{.pid = pid, .output = std::move(output.read)};
}

}  // namespace sovmesh::rt

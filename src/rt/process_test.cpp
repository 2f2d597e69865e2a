#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>

#include "rt/real_process.h"
#include "rt/real_test.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

using ::testing::HasSubstr;

ProcessSpec shell(std::string script) {
  ProcessSpec spec;
  spec.program = "/bin/sh";
  spec.arguments = {"-c", std::move(script)};
  spec.environment = {{"PATH", "/usr/bin:/bin"}, {"GREETING", "hello"}};
  return spec;
}

std::string slurp(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class ProcessTest : public RealLoopTest, public ::testing::WithParamInterface<bool> {
 protected:
  std::unique_ptr<ChildProcess> spawn(const ProcessSpec& spec) {
    auto child = spawner_.spawn(spec);
    EXPECT_THAT(child, Succeeds());
    return std::move(child).value();
  }
  // Everything the child says until it closes its output.
  std::string output_of(ChildProcess& child) {
    std::string text(65'536, '\0');
    const auto got = finish(read_full(child.output(), text, soon()));
    EXPECT_THAT(got, Succeeds());
    text.resize(got.value_or(0));
    return text;
  }
  ExitStatus exit_of(ChildProcess& child) {
    EXPECT_TRUE(drive([&] { return child.exited().is_set(); }));
    return child.exit_status().value_or(ExitStatus{});
  }
  bool is_gone(pid_t pid) { return ::kill(pid, 0) != 0 && errno == ESRCH; }

  RealProcessSpawner spawner_{*loop_, GetParam()};
};
INSTANTIATE_TEST_SUITE_P(PidfdAndPolling, ProcessTest, ::testing::Values(true, false));

TEST_P(ProcessTest, GivesBothStreamsAndTheExitCode) {
  const auto child = spawn(shell("echo out; echo err >&2; exit 7"));
  EXPECT_EQ(output_of(*child), "out\nerr\n");
  const ExitStatus status = exit_of(*child);
  EXPECT_EQ(status.code, 7);
  EXPECT_EQ(status.signal, 0);
}

TEST_P(ProcessTest, HasExactlyTheGivenEnvironmentAndFolder) {
  ProcessSpec spec = shell("env | sort; pwd");
  spec.environment = {{"B", "2"}, {"A", "1"}};
  spec.working_directory = "/usr";
  spec.program = "/bin/bash";
  spec.arguments = {"-c", "/usr/bin/env -u PWD -u OLDPWD -u SHLVL -u _ | /usr/bin/sort; pwd"};
  EXPECT_EQ(output_of(*spawn(spec)), "A=1\nB=2\n/usr\n");
}

TEST_P(ProcessTest, InheritsNoDescriptors) {
  // Not close-on-exec: as a careless library would leave it.
  const Fd leaked(::open("/dev/null", O_RDONLY));
  ProcessSpec spec;
  spec.program = "/bin/ls";
  spec.arguments = {"-m", "/proc/self/fd"};
  EXPECT_EQ(output_of(*spawn(spec)), "0, 1, 2, 3\n");  // 3 is the folder that it lists
}

TEST_P(ProcessTest, InheritsNoSignalState) {
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  ::signal(SIGUSR2, SIG_IGN);
  ProcessSpec spec;
  // Signals 32 and 33 belong to the C library, which lets nobody change them; whoever started the
  // tests may have left them ignored.
  spec.program = "/bin/sed";
  spec.arguments = {"-En", "s/^(Sig(Blk|Ign):).*([0-9a-f]{7}$)/\\1\\3/p", "/proc/self/status"};
  const auto child = spawn(spec);
  ::signal(SIGUSR2, SIG_DFL);
  ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  EXPECT_EQ(output_of(*child), "SigBlk:0000000\nSigIgn:0000000\n");
}

TEST_P(ProcessTest, TellsTheSignalThatEndedIt) {
  const auto child = spawn(shell("exec sleep 100"));
  EXPECT_FALSE(child->exited().is_set());
  child->send_signal(SIGTERM);
  const ExitStatus status = exit_of(*child);
  EXPECT_EQ(status.code, -1);
  EXPECT_EQ(status.signal, SIGTERM);
  child->send_signal(SIGTERM);  // nobody is hit
}

TEST_P(ProcessTest, DestroyingKillsItAndWhatItStarted) {
  const TemporaryFolder folder;
  const std::string pids = folder.file("pid");
  auto child = spawn(shell("sleep 100 & echo $! > " + pids + "; echo ready; wait"));
  std::string ready(6, '\0');
  EXPECT_THAT(finish(read_full(child->output(), ready, soon())), HasValue(6U));
  const pid_t leader = child->pid();
  const pid_t grandchild = static_cast<pid_t>(std::stoi(slurp(pids)));
  const std::size_t fds_before = open_fds();
  child.reset();
  EXPECT_TRUE(drive([&] { return is_gone(leader); }));
  // The grandchild is init's to reap; being a zombie is enough for us.
  EXPECT_TRUE(drive([&] {
    const std::string status = slurp("/proc/" + std::to_string(grandchild) + "/status");
    if (status.find("State:\tZ") != std::string::npos || is_gone(grandchild)) return true;
    loop_->post([] {});
    return false;
  }));
  EXPECT_LT(open_fds(), fds_before);
}

TEST_P(ProcessTest, TheSpawnerReapsWhatIsLeft) {
  pid_t pid = 0;
  {
    RealProcessSpawner spawner(*loop_, GetParam());
    auto child = spawner.spawn(shell("exec sleep 100"));
    ASSERT_THAT(child, Succeeds());
    pid = (*child)->pid();
    child->reset();
  }
  EXPECT_TRUE(is_gone(pid));
}

TEST_P(ProcessTest, SaysWhichStepFailed) {
  ProcessSpec missing = shell("");
  missing.program = "/does/not/exist";
  const auto first = spawner_.spawn(missing);
  ASSERT_THAT(first, FailsWith(Code::io_error));
  EXPECT_THAT(first.error().message(),
              HasSubstr("/does/not/exist: exec: no such file or directory"));

  ProcessSpec lost = shell("");
  lost.working_directory = "/does/not/exist";
  const auto second = spawner_.spawn(lost);
  ASSERT_THAT(second, FailsWith(Code::io_error));
  EXPECT_THAT(second.error().message(), HasSubstr("working_directory"));

  ProcessSpec refused = shell("");
  refused.confine = [] { return EPERM; };
  const auto third = spawner_.spawn(refused);
  ASSERT_THAT(third, FailsWith(Code::io_error));
  EXPECT_THAT(third.error().message(), HasSubstr("confine_step: operation not permitted"));
}

TEST_P(ProcessTest, FailedStartsLeaveNothing) {
  const std::size_t before = open_fds();
  ProcessSpec missing = shell("");
  missing.program = "/does/not/exist";
  for (int i = 0; i < 20; ++i)
    EXPECT_THAT(spawner_.spawn(missing), FailsWith(Code::io_error));
  EXPECT_EQ(open_fds(), before);
}

TEST_P(ProcessTest, ConfinesBeforeExec) {
  ProcessSpec spec = shell("grep NoNewPrivs /proc/self/status");
  spec.confine = [] { return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? 0 : errno; };
  EXPECT_EQ(output_of(*spawn(spec)), "NoNewPrivs:\t1\n");
}

bool can_unshare_users() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(::unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST_P(ProcessTest, RunsInNamespacesOfItsOwn) {
  if (!can_unshare_users()) GTEST_SKIP() << "no user namespaces on this machine";
  ProcessSpec spec = shell("id -u; tail -n +3 /proc/net/dev | wc -l; readlink /proc/self/ns/net");
  spec.namespaces = CLONE_NEWUSER | CLONE_NEWNET;
  const std::string text = output_of(*spawn(spec));
  const std::string ours = std::filesystem::read_symlink("/proc/self/ns/net");
  // The same user id, and no interface but the loopback.
  EXPECT_THAT(text, HasSubstr(std::to_string(::geteuid()) + "\n1\nnet:["));
  EXPECT_EQ(text.find(ours), std::string::npos);
}

TEST_P(ProcessTest, RefusesAPidNamespace) {
  ProcessSpec spec = shell("true");
  spec.namespaces = CLONE_NEWPID;
  EXPECT_THAT(spawner_.spawn(spec), FailsWith(Code::config_invalid));
}

// The parent of this test's child dies; the grandchild that it spawned goes with it.
TEST_P(ProcessTest, DiesWithItsParent) {
  const TemporaryFolder folder;
  const std::string pid_file = folder.file("pid");
  const pid_t parent = ::fork();
  if (parent == 0) {
    auto child = RealProcessSpawner(*loop_).spawn(shell("exec sleep 100"));
    if (!child) ::_exit(1);
    std::ofstream(pid_file) << (*child)->pid() << std::flush;
    ::_exit(0);  // no destructor runs
  }
  int status = 0;
  ASSERT_EQ(::waitpid(parent, &status, 0), parent);
  ASSERT_EQ(status, 0);
  const pid_t orphan = static_cast<pid_t>(std::stoi(slurp(pid_file)));
  EXPECT_TRUE(drive([&] {
    const std::string state = slurp("/proc/" + std::to_string(orphan) + "/status");
    if (state.find("State:\tZ") != std::string::npos || is_gone(orphan)) return true;
    loop_->post([] {});
    return false;
  }));
}

}  // namespace
}  // namespace sovmesh::rt

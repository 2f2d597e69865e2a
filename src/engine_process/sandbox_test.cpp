#include "engine_process/sandbox.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine_process/landlock.h"
#include "engine_process/syscall_filter.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::engine_process {
namespace {

using testing::Contains;
using testing::Not;

// Real kernels differ: each test asks the report whether its measure is in force and skips
// otherwise, with the reason.
class SandboxTest : public testing::Test {
 protected:
  SandboxTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sm-box-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    // Others may pass, as to a model store.
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
    std::filesystem::create_directory(folder_ / "run");
    std::filesystem::permissions(folder_ / "run", std::filesystem::perms(0700));
    std::ofstream(folder_ / "model.gguf") << "model";
    std::ofstream(folder_ / "secret") << "secret";
    needs_.read_trees = program_trees("/bin/true");
    needs_.read_files = {folder_ / "model.gguf"};
    needs_.run_dir = folder_ / "run";
    needs_.name = "test";
  }
  ~SandboxTest() override { std::filesystem::remove_all(folder_); }

  bool in_force(std::string_view measure) {
    if (!plan_) plan_ = plan_sandbox(needs_);
    const Measure* found = plan_->report.find(measure);
    if (found != nullptr && !found->in_force) reason_ = found->detail;
    return found != nullptr && found->in_force;
  }
  // Runs `attempt` (system calls only) behind the walls: its result, 0..127; 128 + N for signal N;
  // 200 and more when the walls could not be put up.
  template <class F>
  int inside(F attempt) {
    if (!plan_) plan_ = plan_sandbox(needs_);
    const pid_t pid = fork();
    if (pid == 0) {
      if (plan_->namespaces != 0 && unshare(plan_->namespaces) != 0) _exit(200);
      if (plan_->confine() != 0) _exit(201);
      _exit(attempt());
    }
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }
  static int open_error(const char* path, int flags) {
    return open(path, flags, 0600) < 0 ? errno : 0;
  }

  std::filesystem::path folder_;
  SandboxNeeds needs_;
  std::optional<Confinement> plan_;
  std::string reason_;
};

TEST_F(SandboxTest, ReportsEveryMeasureWithADetail) {
  const SandboxReport report = probe_sandbox();
  for (const char* measure : {"network", "identity", "privileges", "files", "calls", "limits"}) {
    ASSERT_NE(report.find(measure), nullptr) << measure;
    EXPECT_FALSE(report.find(measure)->detail.empty()) << measure;
  }
}

TEST_F(SandboxTest, ReadsItsModelAndNothingElse) {
  if (!in_force("files")) GTEST_SKIP() << reason_;
  const std::string model = folder_ / "model.gguf";
  const std::string secret = folder_ / "secret";
  EXPECT_EQ(inside([&] { return open_error(model.c_str(), O_RDONLY); }), 0);
  EXPECT_EQ(inside([&] { return open_error(secret.c_str(), O_RDONLY); }), EACCES);
  EXPECT_EQ(inside([] { return open_error("/etc/passwd", O_RDONLY); }), EACCES);
  EXPECT_EQ(inside([&] { return open_error(folder_.c_str(), O_RDONLY | O_DIRECTORY); }), EACCES);
}

TEST_F(SandboxTest, WritesNothing) {
  if (!in_force("files")) GTEST_SKIP() << reason_;
  const std::string model = folder_ / "model.gguf";
  EXPECT_EQ(inside([&] { return open_error(model.c_str(), O_WRONLY); }), EACCES);
  EXPECT_EQ(inside([] { return open_error("new", O_WRONLY | O_CREAT); }), EACCES);
  EXPECT_EQ(inside([] { return open_error("/tmp/sm-box-new", O_WRONLY | O_CREAT); }), EACCES);
  EXPECT_EQ(inside([] { return mkdir("folder", 0700) < 0 ? errno : 0; }), EPERM);
}

TEST_F(SandboxTest, MakesItsSocketAndRemovesIt) {
  EXPECT_EQ(inside([] {
              const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
              sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "engine.sock"};
              if (bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
                return errno;
              if (listen(fd, 8) != 0) return errno;
              return unlink("engine.sock") == 0 ? 0 : errno;
            }),
            0);
}

TEST_F(SandboxTest, OpensNoTcpSocketAndConnectsNowhere) {
  if (!in_force("calls")) GTEST_SKIP() << reason_;
  EXPECT_EQ(inside([] { return socket(AF_INET, SOCK_STREAM, 0) < 0 ? errno : 0; }), EAFNOSUPPORT);
  EXPECT_EQ(inside([] { return socket(AF_INET6, SOCK_DGRAM, 0) < 0 ? errno : 0; }), EAFNOSUPPORT);
  EXPECT_EQ(inside([] { return socket(AF_NETLINK, SOCK_RAW, 0) < 0 ? errno : 0; }), EAFNOSUPPORT);
  EXPECT_EQ(inside([] {
              const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
              sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "other.sock"};
              return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) < 0 ? errno
                                                                                            : 0;
            }),
            EPERM);
}

TEST_F(SandboxTest, ItsNetworkIsEmpty) {
  if (!in_force("network")) GTEST_SKIP() << reason_;
  struct stat ours{};
  ASSERT_EQ(stat("/proc/self/ns/net", &ours), 0);
  // Before the walls, in its namespaces: another network than ours.
  const pid_t pid = fork();
  if (pid == 0) {
    struct stat theirs{};
    if (unshare(plan_->namespaces) != 0) _exit(2);
    _exit(stat("/proc/self/ns/net", &theirs) == 0 && theirs.st_ino != ours.st_ino ? 0 : 1);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(SandboxTest, IsNobodyElseAndHasNoPrivileges) {
  if (!in_force("identity")) GTEST_SKIP() << reason_;
  EXPECT_EQ(inside([] {
              // Neither root again, nor another user.
              return setuid(0) == 0 && setuid(1234) == 0 ? 1 : 0;
            }),
            128 + SIGSYS)
      << "it may not even ask";
  if (plan_->uid) {
    struct stat status{};
    ASSERT_EQ(stat(needs_.run_dir.c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, *plan_->uid);
  }
}

TEST_F(SandboxTest, OtherSystemCallsEndIt) {
  if (!in_force("calls")) GTEST_SKIP() << reason_;
  EXPECT_EQ(inside([] { return ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0; }), 128 + SIGSYS);
  EXPECT_EQ(inside([] { return unshare(CLONE_NEWUSER) < 0; }), 128 + SIGSYS);
  EXPECT_EQ(inside([] { return static_cast<int>(syscall(SYS_bpf, 0, nullptr, 0)) < 0; }),
            128 + SIGSYS);
  EXPECT_EQ(inside([] { return fork() < 0 ? errno : 0; }), EPERM) << "merely refused";
  EXPECT_EQ(inside([] { return kill(getppid(), 0) < 0 ? errno : 0; }), EPERM);
}

TEST_F(SandboxTest, MemoryIsNeverWritableAndExecutable) {
  if (!in_force("calls")) GTEST_SKIP() << reason_;
  EXPECT_EQ(inside([] {
              return mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                         ? errno
                         : 0;
            }),
            EACCES);
}

TEST_F(SandboxTest, MemoryIsBoundedWhenALimitIsSet) {
  needs_.memory_max_bytes = 64 << 20;
  const auto map = [] {
    void* memory =
        mmap(nullptr, 256 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? errno : 0;
  };
  EXPECT_EQ(inside(map), ENOMEM);
  needs_.memory_max_bytes = 0;
  plan_.reset();
  EXPECT_EQ(inside(map), 0);
}

TEST_F(SandboxTest, FilesThatAnotherUserCannotReadKeepOurUser) {
  std::filesystem::permissions(folder_ / "model.gguf", std::filesystem::perms(0600));
  EXPECT_TRUE(in_force("identity") || !reason_.empty());
  EXPECT_FALSE(plan_->uid.has_value());
  if (geteuid() == 0)  // nobody else could choose another user
    EXPECT_THAT(plan_->report.find("identity")->detail,
                testing::HasSubstr("another user could not use its files"));
  const std::string model = folder_ / "model.gguf";
  EXPECT_EQ(inside([&] { return open_error(model.c_str(), O_RDONLY); }), 0);
}

TEST(ProgramTrees, AreTheProgramsPrefixAndTheSystems) {
  EXPECT_THAT(program_trees("/opt/llama/bin/llama-server"), Contains("/opt/llama"));
  EXPECT_THAT(program_trees("/opt/llama/build/llama-server"), Contains("/opt/llama/build"));
  EXPECT_THAT(program_trees("/bin/sh"), Contains("/usr"));
}

TEST(ProgramTrees, AreNeverAHomeOrATopFolder) {
  EXPECT_THAT(program_trees("/root/llama-server"), Not(Contains("/root")));
  EXPECT_THAT(program_trees("/home/ada/llama-server"), Not(Contains("/home/ada")));
  EXPECT_THAT(program_trees("/home/ada/bin/llama-server"), Not(Contains("/home/ada")));
  EXPECT_THAT(program_trees("/llama-server"), Not(Contains("/")));
}

TEST(SyscallFilter, FitsIntoTheKernelsBound) {
  const auto filter = build_syscall_filter();
  ASSERT_THAT(filter, Succeeds());
  EXPECT_GT(filter->size(), 100U);
  EXPECT_LT(filter->size(), 4'096U);
}

}  // namespace
}  // namespace sovmesh::engine_process

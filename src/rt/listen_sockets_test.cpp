#include "rt/listen_sockets.h"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <optional>
#include <thread>

#include "rt/real_listener.h"
#include "rt/real_test.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::rt {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ListenSocketsTest : public RealLoopTest {
 protected:
  std::unique_ptr<Listener> listen(const Endpoint& endpoint) {
    auto listener = network_.listen(endpoint, {});
    EXPECT_THAT(listener, Succeeds());
    return std::move(listener).value();
  }
  // Gives `sockets` to a successor on another thread, which confirms when `confirms`.
  std::optional<ListenSockets> pass(const std::vector<Fd>& sockets, bool confirms) {
    const std::string path = folder_.file("take-over.sock");
    const auto listener = listen(UnixEndpoint{path});
    std::optional<ListenSockets> taken;
    std::thread successor([&] {
      auto got = ListenSockets::from_predecessor(path);
      if (!got) return;
      if (confirms) EXPECT_THAT(got->confirm(), Succeeds());
      taken = *std::move(got);
      if (!confirms) *taken = ListenSockets();
    });
    auto peer = finish(listener->accept(soon()));
    EXPECT_THAT(peer, Succeeds());
    const Result<bool> passed = finish(pass_sockets(**peer, sockets, soon()));
    EXPECT_TRUE(passed.has_value() && *passed == confirms);
    successor.join();
    return taken;
  }
  // A connection to `endpoint` that `listener` accepts.
  bool connects(const Endpoint& endpoint, Listener& listener) {
    auto client = finish(network_.connect(endpoint, soon()));
    auto server = finish(listener.accept(soon()));
    return client.has_value() && server.has_value();
  }

  TemporaryFolder folder_;
};

TEST_F(ListenSocketsTest, AreTakenWithTheConnectionsThatWaitInThem) {
  auto old = listen(any_port("127.0.0.1"));
  const Endpoint address = old->local();
  auto client = finish(network_.connect(address, soon()));
  ASSERT_THAT(client, Succeeds());
  std::vector<Fd> sockets;
  sockets.push_back(duplicate(dynamic_cast<RealListener&>(*old).fd()).value());
  auto taken = pass(sockets, true);
  ASSERT_TRUE(taken);
  old.reset();
  sockets.clear();
  std::vector<Fd> mine = taken->take(address);
  ASSERT_THAT(mine, SizeIs(1));
  EXPECT_TRUE(taken->empty());
  auto successor = RealListener::adopt(*loop_, std::move(mine.front()), address, false);
  ASSERT_THAT(successor, Succeeds());
  EXPECT_EQ((*successor)->local(), address);
  EXPECT_THAT(finish((*successor)->accept(soon())), Succeeds()) << "came before the hand-over";
  EXPECT_TRUE(connects(address, **successor));
}

TEST_F(ListenSocketsTest, StayWhereTheyAreWhenTheSuccessorDies) {
  auto old = listen(any_port("127.0.0.1"));
  std::vector<Fd> sockets;
  sockets.push_back(duplicate(dynamic_cast<RealListener&>(*old).fd()).value());
  pass(sockets, false);
  EXPECT_TRUE(connects(old->local(), *old));
}

TEST_F(ListenSocketsTest, KeepTheFileOfAUnixSocketForTheSuccessor) {
  const std::string path = folder_.file("api.sock");
  auto old = listen(UnixEndpoint{path});
  const ListenerFile file = dynamic_cast<RealListener&>(*old).take_file();
  EXPECT_EQ(file.path, path);
  Fd socket = duplicate(dynamic_cast<RealListener&>(*old).fd()).value();
  old.reset();
  struct stat info{};
  EXPECT_EQ(::lstat(path.c_str(), &info), 0);
  auto successor = RealListener::adopt(*loop_, std::move(socket), UnixEndpoint{path}, false);
  ASSERT_THAT(successor, Succeeds());
  EXPECT_TRUE(connects(UnixEndpoint{path}, **successor));
  file.remove();
  EXPECT_NE(::lstat(path.c_str(), &info), 0);
}

TEST_F(ListenSocketsTest, OfNobodyAreSaidToBe) {
  EXPECT_THAT(ListenSockets::from_predecessor(folder_.file("none.sock")),
              FailsWith(Code::dependency_unavailable));
}

// In a child: its environment and descriptors are its own.
template <class F>
int in_child(F&& check) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(check());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(ListenSocketsTest, OfTheServiceManagerAreThoseMeantForThisProcess) {
  const auto listener = listen(any_port("127.0.0.1"));
  const int socket = dynamic_cast<RealListener&>(*listener).fd();
  const Endpoint address = listener->local();
  const auto passed = [&](bool is_for_us, const char* count) {
    return in_child([&] {
      ::dup2(socket, 3);
      ::setenv("LISTEN_FDS", count, 1);
      ::setenv("LISTEN_PID", std::to_string(::getpid() + (is_for_us ? 0 : 1)).c_str(), 1);
      auto got = ListenSockets::from_environment();
      if (::getenv("LISTEN_FDS") != nullptr) return 100;
      return got ? static_cast<int>(got->take(address).size()) : 50;
    });
  };
  EXPECT_EQ(passed(true, "1"), 1);
  EXPECT_EQ(passed(false, "1"), 0);
  EXPECT_EQ(passed(true, "-1"), 50);
  EXPECT_EQ(passed(true, "1000"), 50);
  EXPECT_EQ(passed(true, "0"), 0);
}

}  // namespace
}  // namespace sovmesh::rt

#include "audit_files/signer_process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "rt/fd.h"
#include "tests/support/result_matchers.h"
#include "tests/support/simulated_audit.h"

namespace sovmesh::audit_files {
namespace {

// A signer behind a socket, as the process is, on a thread.
class SignerProcessTest : public testing::Test {
 protected:
  SignerProcessTest() {
    (void)files_.make_folder("/data");
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()), 0);
    near_ = rt::Fd(ends[0]);
    far_ = rt::Fd(ends[1]);
    auto signer = FileSigner::open(files_, random_,
                                   {.key_file = "/data/key",
                                    .state_file = "/data/state",
                                    .origin = "test.example/log",
                                    .new_log = true});
    EXPECT_THAT(signer, Succeeds());
    signer_ = std::make_unique<FileSigner>(*std::move(signer));
    client_ = make_signer_client(near_.get());
  }
  // Answers as many requests as the test makes.
  template <class F>
  auto ask(F call) {
    std::thread server([this] {
      std::string request(1 << 16, '\0');
      const ssize_t got = ::recv(far_.get(), request.data(), request.size(), 0);
      request.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      const std::string answer = answer_signer_request(*signer_, request);
      ::send(far_.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
    });
    auto result = call(*client_);
    server.join();
    return result;
  }
  SimFiles files_{1};
  TestRandom random_{1};
  rt::Fd near_;
  rt::Fd far_;
  std::unique_ptr<FileSigner> signer_;
  std::unique_ptr<Signer> client_;
};

TEST_F(SignerProcessTest, SaysTheSameThroughASocket) {
  const auto root = ledgerlog::leaf_hash("x");
  const auto note = ask([&](Signer& s) { return s.sign(1, root, {}); });
  ASSERT_THAT(note, Succeeds());
  EXPECT_THAT(ledgerlog::parse_signed_checkpoint(*note), Succeeds());
  const auto state = ask([](Signer& s) { return s.state(); });
  ASSERT_THAT(state, Succeeds());
  EXPECT_EQ(state->size, 1U);
  EXPECT_EQ(state->root, root);
  EXPECT_EQ(state->key, signer_->state()->key);
  EXPECT_FALSE(state->rotation.has_value());
  EXPECT_THAT(ask([&](Signer& s) { return s.sign(2, root, {}); }), FailsWith(Code::conflict));
  const auto start = ask([](Signer& s) { return s.key_start(); });
  EXPECT_THAT(start, HasValue(*signer_->key_start()));
  const auto entry = ask([](Signer& s) { return s.begin_rotation(5); });
  ASSERT_THAT(entry, Succeeds());
  const auto after = ask([](Signer& s) { return s.state(); });
  ASSERT_THAT(after, Succeeds());
  EXPECT_EQ(after->rotation, (Rotation{.index = 5, .next = entry->next}));
  EXPECT_THAT(ask([](Signer& s) { return s.cancel_rotation(); }), Succeeds());
}

TEST_F(SignerProcessTest, ItsEndIsAnError) {
  far_.reset();
  EXPECT_THAT(client_->state(), FailsWith(Code::closed));
}

// A program that neither answers nor ends.
TEST(HungSignerTest, IsKilledAfterSeveralDeadlinesAndStartedAgain) {
  const std::string program =
      testing::TempDir() + "hung_signer_" + std::to_string(::getpid()) + ".sh";
  std::ofstream(program) << "#!/bin/sh\nexec sleep 1000\n";
  ASSERT_EQ(::chmod(program.c_str(), 0700), 0);
  const auto troubles = std::make_shared<SignerTroubles>();
  std::vector<std::string> said;
  troubles->say = [&](std::string_view what) { said.emplace_back(what); };
  const auto signer =
      start_signer_process({.program = program,
                            .place = {.key_file = "k", .state_file = "s", .origin = "o"},
                            .troubles = troubles,
                            .answer_max = std::chrono::milliseconds(5)});
  ASSERT_THAT(signer, Succeeds());
  for (std::uint64_t round = 1; round <= 2; ++round) {
    EXPECT_THAT((*signer)->state(), FailsWith(Code::dependency_unavailable));
    EXPECT_EQ(troubles->killed, round);
    EXPECT_EQ(troubles->late, round * SignerProcessOptions::kLateMax);
  }
  EXPECT_THAT(said, testing::ElementsAre(testing::HasSubstr("no answer within 5 ms"),
                                         testing::HasSubstr("killed and started again"),
                                         testing::HasSubstr("no answer within 5 ms"),
                                         testing::HasSubstr("killed and started again")));
}

TEST_F(SignerProcessTest, RequestsThatAreNoneGetAnError) {
  for (const std::string text : {"", "sign", "sign\n", "sign\nx\ny", "sign\n1\nAAAA", "rotate\n-1",
                                 "rotate", "states", "cancel\n", "start\n"}) {
    EXPECT_TRUE(answer_signer_request(*signer_, text).starts_with("error\n")) << text;
  }
}

}  // namespace
}  // namespace sovmesh::audit_files

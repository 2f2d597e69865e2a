#include "compose/contexts.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace sovmesh::compose {
namespace {

using testing::HasSubstr;

class ContextsTest : public testing::Test {
 protected:
  ContextsTest() {
    std::string name = testing::TempDir() + "contextsXXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~ContextsTest() override { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ + "/config/sovmesh/contexts.yaml"; }
  mode_t mode(const std::string& of) const {
    struct stat info{};
    return ::stat(of.c_str(), &info) == 0 ? info.st_mode & 0777U : 0;
  }
  static Contexts some() {
    Contexts contexts;
    contexts.put({.name = "prod",
                  .place = {.url = "https://mesh.example", .token = Secret("smt-secret")},
                  .login = {},
                  .user = "carl@aurora.example",
                  .expires_at = {}});
    contexts.put({.name = "lab",
                  .place = {.url = "http://10.0.0.1:8081",
                            .ca_file = "",
                            .token = {},
                            .session = Secret("true"),  // a text that YAML has a meaning for
                            .csrf_token = Secret("0123"),
                            .may_be_clear = true},
                  .login = "ann@aurora.example",
                  .expires_at = "2027-01-31T12:00:00Z"});
    contexts.current = "lab";
    return contexts;
  }

  std::string folder_;
};

TEST_F(ContextsTest, AreReadAsTheyWereWrittenAndOnlyByTheirOwner) {
  ASSERT_TRUE(save_contexts(path(), some()).has_value());
  EXPECT_EQ(mode(path()), 0600U);
  EXPECT_EQ(mode(std::filesystem::path(path()).parent_path()), 0700U);
  const auto read = load_contexts(path());
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(read->current, "lab");
  ASSERT_NE(read->find("lab"), nullptr);
  EXPECT_EQ(read->find("lab")->place.session.reveal(), "true");
  EXPECT_EQ(read->find("lab")->place.csrf_token.reveal(), "0123");
  EXPECT_TRUE(read->find("lab")->place.may_be_clear);
  EXPECT_EQ(read->find("prod")->place.token.reveal(), "smt-secret");
  EXPECT_EQ(read->find("prod")->user, "carl@aurora.example");
  EXPECT_FALSE(read->find("prod")->place.may_be_clear);
}

TEST_F(ContextsTest, NoFileIsNone) {
  const auto read = load_contexts(path());
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->all.empty());
}

TEST_F(ContextsTest, AreRefusedWhenOthersCanReadThem) {
  ASSERT_TRUE(save_contexts(path(), some()).has_value());
  ::chmod(path().c_str(), 0640);
  const auto read = load_contexts(path());
  ASSERT_FALSE(read.has_value());
  EXPECT_THAT(std::string(read.error().message()), HasSubstr("others can read it (mode 640)"));
}

TEST_F(ContextsTest, RefuseWhatMakesNoSense) {
  ASSERT_TRUE(save_contexts(path(), some()).has_value());
  const auto error_of = [&](const std::string& text) {
    std::ofstream(path()) << text;
    const auto read = load_contexts(path());
    return read ? std::string() : std::string(read.error().message());
  };
  EXPECT_THAT(error_of("current: x\ncontexts:\n  - {name: y, url: http://y}\n"),
              HasSubstr("'x' is not among them"));
  EXPECT_THAT(error_of("contexts:\n  - {name: y}\n"), HasSubstr("needs name and url"));
  EXPECT_THAT(error_of("contexts:\n  - {name: y, url: u, tokn: z}\n"), HasSubstr("'tokn'"));
  EXPECT_THAT(error_of("contexts: [\n"), HasSubstr("not valid YAML"));
}

TEST_F(ContextsTest, ANameIsOfOneUserAtOneServer) {
  const Contexts contexts = some();
  EXPECT_TRUE(contexts.check_free("new", "https://mesh.example", "bob@aurora.example"));
  EXPECT_TRUE(contexts.check_free("prod", "https://mesh.example/", "")) << "nobody has asked yet";
  EXPECT_TRUE(contexts.check_free("prod", "https://mesh.example", "carl@aurora.example"))
      << "another token of his";
  EXPECT_TRUE(contexts.check_free("lab", "http://10.0.0.1:8081", "ann@aurora.example"));
  const auto refusal = [&](const char* name, const char* url, const char* login) {
    const auto free = contexts.check_free(name, url, login);
    return free ? std::string() : std::string(free.error().message());
  };
  EXPECT_THAT(refusal("lab", "http://10.0.0.1:9081", "ann@aurora.example"),
              HasSubstr("ann@aurora.example at http://10.0.0.1:8081"))
      << "another port";
  EXPECT_THAT(refusal("lab", "http://10.0.0.1:8081", "bob@aurora.example"), HasSubstr("--replace"));
  EXPECT_THAT(refusal("lab", "http://10.0.0.1:8081", "the admin token"), HasSubstr("--name"));
  EXPECT_THAT(refusal("prod", "https://mesh.example", "bob@aurora.example"),
              HasSubstr("carl@aurora.example at https://mesh.example"))
      << "another user's token";
  EXPECT_THAT(refusal("prod", "https://mesh.example", "the admin token"), HasSubstr("--replace"));
  EXPECT_THAT(refusal("prod", "http://mesh.example", ""), HasSubstr("--replace"));
}

TEST_F(ContextsTest, NobodyKnowsWhoseATokenIsThatWasKeptWithoutAUser) {
  Contexts contexts;
  contexts.put({.name = "old",
                .place = {.url = "https://mesh.example", .token = Secret("smt-secret")},
                .login = {},
                .expires_at = {}});
  const auto free = contexts.check_free("old", "https://mesh.example", "bob@aurora.example");
  ASSERT_FALSE(free);
  EXPECT_THAT(std::string(free.error().message()), HasSubstr("that of a token at"));
}

TEST_F(ContextsTest, LoginsAndAddressesAreComparedAsServersDo) {
  const Contexts contexts = some();
  EXPECT_TRUE(contexts.check_free("lab", "http://10.0.0.1:8081/", "Ann@Aurora.example"));
  EXPECT_TRUE(contexts.check_free("prod", "https://MESH.example:443", "CARL@aurora.example"));
  EXPECT_FALSE(contexts.check_free("prod", "https://mesh.example:8443", "carl@aurora.example"));
}

TEST_F(ContextsTest, ChangesAtTheSameTimeAreAllKept) {
  constexpr int kWriters = 4;
  constexpr int kEach = 5;
  std::vector<std::jthread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([this, writer] {
      for (int i = 0; i < kEach; ++i) {
        const auto done = change_contexts(path(), [&](Contexts& contexts) -> Result<void> {
          contexts.put({.name = "of-" + std::to_string(writer) + "-" + std::to_string(i),
                        .place = {.url = "https://mesh.example"},
                        .login = {},
                        .expires_at = {}});
          return {};
        });
        EXPECT_TRUE(done);
      }
    });
  }
  writers.clear();
  const auto read = load_contexts(path());
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(read->all.size(), static_cast<std::size_t>(kWriters * kEach));
}

TEST_F(ContextsTest, AChangeThatFailsWritesNothing) {
  ASSERT_TRUE(save_contexts(path(), some()).has_value());
  const auto done = change_contexts(path(), [](Contexts& contexts) -> Result<void> {
    contexts.all.clear();
    return client_error(Code::conflict, "no");
  });
  EXPECT_FALSE(done);
  EXPECT_EQ(load_contexts(path())->all.size(), 2U);
}

TEST(AdminPlace, SendsNoSecretInClearToAnotherMachine) {
  const auto error_of = [](AdminPlace place) {
    const auto http = AdminHttp::connect(place);
    return http ? std::string() : std::string(http.error().message());
  };
  const Secret token("t");
  EXPECT_THAT(error_of({.url = "http://mesh.example:8081", .ca_file = "", .token = token}),
              HasSubstr("would show the token"));
  EXPECT_EQ(error_of({.url = "http://127.0.0.1:8081", .ca_file = "", .token = token}), "");
  EXPECT_EQ(error_of({.url = "http://localhost:8081", .ca_file = "", .token = token}), "");
  AdminPlace clear{.url = "http://mesh.example:8081", .ca_file = "", .token = token};
  clear.may_be_clear = true;
  EXPECT_EQ(error_of(clear), "");
  EXPECT_THAT(error_of({.url = "https://mesh.example/console"}), HasSubstr("has no path"));
  EXPECT_THAT(error_of({.url = "https://mesh.example", .ca_file = "", .token = Secret("a\nb")}),
              HasSubstr("character"));
}

}  // namespace
}  // namespace sovmesh::compose

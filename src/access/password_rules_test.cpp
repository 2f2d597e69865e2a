#include "access/password_rules.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/result_matchers.h"

namespace sovmesh::access {
namespace {

TEST(PasswordRules, ALongUnusualOneIsTaken) {
  EXPECT_THAT(check_password("blue kettle 47 north", "ann@aurora.example"), Succeeds());
  EXPECT_THAT(check_password("\xc3\xa6\xc3\xb8\xc3\xa5 kaffe i dag", "ann"), Succeeds());
}

TEST(PasswordRules, WeakOnesAreRefusedWithoutBeingRepeated) {
  const std::string twelve_bytes_six_letters = "\xc3\xa6\xc3\xb8\xc3\xa5\xc3\xa6\xc3\xb8\xc3\xa5";
  for (const std::string& weak :
       {std::string(), std::string("short"), std::string("elevenchars"),
        std::string("Password1234"), std::string("aaaaaaaaaaaaaa"), std::string("abcabcabcabcabc"),
        std::string("1234567890123"), std::string("ann@aurora.example"),
        std::string("Ann@Aurora.Example"), std::string(kPasswordBytesMax + 1, 'x') + "yz",
        std::string("\xff\xfe valid length"), twelve_bytes_six_letters}) {
    const auto verdict = check_password(weak, "ann@aurora.example");
    ASSERT_THAT(verdict, FailsWith(Code::invalid_value)) << weak;
    EXPECT_EQ(verdict.error().param(), "password");
    if (weak.size() > 4) EXPECT_FALSE(verdict.error().message().contains(weak));
  }
}

TEST(PasswordRules, TheNameBeforeTheAtIsTheLoginToo) {
  EXPECT_THAT(check_password("bartholomew-iv", "bartholomew-iv@aurora.example"),
              FailsWith(Code::invalid_value));
}

TEST(PasswordRules, LoginsAreKeptInLowerCase) {
  EXPECT_THAT(parse_login("Ann@Aurora.Example"), HasValue(std::string("ann@aurora.example")));
  for (const std::string& bad :
       {std::string(), std::string("a b"), std::string("a/b"), std::string("a\nb"),
        std::string("\xc3\xa6"), std::string(129, 'a')})
    EXPECT_THAT(parse_login(bad), FailsWith(Code::invalid_value)) << bad;
}

}  // namespace
}  // namespace sovmesh::access

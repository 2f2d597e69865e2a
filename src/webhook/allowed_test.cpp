#include "webhook/allowed.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/result_matchers.h"

namespace sovmesh::webhook {
namespace {

class AllowedTest : public testing::Test {
 protected:
  Allowed allowed_ = *Allowed::make(
      {"https://hooks.example.com", "http://127.0.0.1:9000/x/", "https://[2001:db8::1]:8443/a/b"});
};

TEST_F(AllowedTest, TakesWhatIsWithinAPlaceAsItWillBeCalled) {
  EXPECT_THAT(allowed_.take("https://hooks.example.com"), HasValue("https://hooks.example.com/"));
  EXPECT_THAT(allowed_.take("https://hooks.example.com:443/a/b-c_d~e.f"),
              HasValue("https://hooks.example.com/a/b-c_d~e.f"));
  EXPECT_THAT(allowed_.take("https://HOOKS.example.com/In/"),
              HasValue("https://hooks.example.com/In"));
  EXPECT_THAT(allowed_.take("http://127.0.0.1:9000/x"), HasValue("http://127.0.0.1:9000/x"));
  EXPECT_THAT(allowed_.take("http://127.0.0.1:9000/x/y"), HasValue("http://127.0.0.1:9000/x/y"));
  EXPECT_THAT(allowed_.take("http://[::ffff:127.0.0.1]:9000/x"),
              HasValue("http://127.0.0.1:9000/x"))
      << "the same address, and that is what is called";
  EXPECT_THAT(allowed_.take("https://[2001:DB8::1]:8443/a/b/c"),
              HasValue("https://[2001:db8::1]:8443/a/b/c"));
}

TEST_F(AllowedTest, KnowsWhetherItHasHttps) {
  EXPECT_TRUE(allowed_.has_https());
  EXPECT_FALSE(Allowed::make({"http://127.0.0.1:9000/x"})->has_https());
  EXPECT_FALSE(Allowed().has_https());
}

TEST_F(AllowedTest, RefusesEveryOtherPlace) {
  for (const char* const url :
       {"http://hooks.example.com/", "https://hooks.example.com:444/", "https://example.com/",
        "https://hooks.example.com.evil.example/", "https://hooks.example.comevil.example/",
        "https://xhooks.example.com/", "https://hooks.example.com./", "https://127.0.0.1:9000/x",
        "http://127.0.0.1/x", "http://127.0.0.1:9001/x", "http://127.0.0.2:9000/x",
        "http://127.0.0.1:9000/", "http://127.0.0.1:9000/xy", "http://127.0.0.1:9000/X",
        "http://localhost:9000/x", "http://[::1]:9000/x",

        "https://[2001:db8::1]:8443/a", "https://[2001:db8::1]:8443/a/bc",
        "http://169.254.169.254/latest/meta-data"})
    EXPECT_THAT(allowed_.take(url), FailsWith(Code::invalid_value)) << url;
}

// What one reader of URLs takes for the allowed place and another one for something else.
TEST_F(AllowedTest, RefusesWhatReadersOfUrlsDisagreeAbout) {
  for (const char* const url : {"https://hooks.example.com@evil.example/",
                                "https://evil.example@hooks.example.com/",
                                "https://user:password@hooks.example.com/",
                                "https://hooks.example.com#@evil.example/",
                                "https://hooks.example.com?@evil.example/",
                                "https://hooks.example.com\\@evil.example/",
                                "https://hooks.example.com\\.evil.example/",
                                "https:\\\\hooks.example.com/",
                                "https:/hooks.example.com/",
                                "https:hooks.example.com/",
                                "//hooks.example.com/",
                                "HTTPS://hooks.example.com/",
                                " https://hooks.example.com/",
                                "https://hooks.example.com /",
                                "https://hooks.example.com/\r\nHost: evil.example",
                                "https://hooks.example.com/\ta",
                                "https://hooks%2eexample.com/",
                                "https://hooks.example.com%2f@evil.example/",
                                "http://127.1:9000/x",
                                "http://0x7f.0.0.1:9000/x",
                                "http://2130706433:9000/x",
                                "http://0177.0.0.1:9000/x",
                                "http://127.0.0.1:9000/x/../y",
                                "http://127.0.0.1:9000/x/..",
                                "http://127.0.0.1:9000/x/./y",
                                "http://127.0.0.1:9000/x/%2e%2e/y",
                                "http://127.0.0.1:9000/x%2fy",
                                "http://127.0.0.1:9000//x",
                                "http://127.0.0.1:9000/x//y",
                                "http://127.0.0.1:9000/x\\..\\y",
                                "http://127.0.0.1:9000/x;/../y",
                                "http://127.0.0.1:9000/x?a=b",
                                "http://127.0.0.1:9000/x#a",
                                "http://127.0.0.1:09000x/x",
                                "http://127.0.0.1:/x",
                                "http://127.0.0.1:-1/x",
                                "http://127.0.0.1:74536/x",
                                "unix:/run/docker.sock",
                                "file:///etc/passwd",
                                "javascript:alert(1)",
                                "",
                                "https://",
                                "https://h\xc3\xb6oks.example.com/"})
    EXPECT_THAT(allowed_.take(url), FailsWith(Code::invalid_value)) << url;
  EXPECT_THAT(allowed_.take("https://hooks.example.com/" + std::string(500, 'a')),
              FailsWith(Code::invalid_value));
  EXPECT_THAT(allowed_.take(std::string("https://hooks.example.com/\0a", 28)),
              FailsWith(Code::invalid_value));
}

TEST_F(AllowedTest, SaysWhichSettingNamesThePlaces) {
  EXPECT_THAT(allowed_.take("https://evil.example/").error().message(),
              testing::HasSubstr("webhooks.allowed"));
  const auto refused = Allowed().take("https://hooks.example.com/");
  EXPECT_THAT(refused, FailsWith(Code::conflict));
  EXPECT_THAT(refused.error().message(), testing::HasSubstr("webhooks.allowed"));
}

TEST_F(AllowedTest, APlaceIsAnOriginWithOrWithoutAPath) {
  for (const char* const place : {"hooks.example.com", "https://a/?q", "https://user@a",
                                  "https://a/..", "https://*.example.com", "unix:/run/a", ""})
    EXPECT_THAT(Allowed::make({place}), FailsWith(Code::config_invalid)) << place;
}

}  // namespace
}  // namespace sovmesh::webhook

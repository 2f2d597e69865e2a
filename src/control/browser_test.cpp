#include "control/browser.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

#include "tests/support/result_matchers.h"

namespace sovmesh::control {
namespace {

http::RequestHead head(std::string_view method,
                       std::initializer_list<std::pair<std::string_view, std::string_view>> fields,
                       std::string_view port = "") {
  http::RequestHead out;
  out.method = method;
  out.host = "mesh.example";
  out.port = port;
  for (const auto& [name, value] : fields)
    out.fields.add(name, value);
  return out;
}

TEST(SessionCookie, IsFoundAmongOthers) {
  EXPECT_EQ(session_cookie(head("GET", {{"cookie", "a=b; sm_session=abc;c=d"}})), "abc");
  EXPECT_EQ(session_cookie(head("GET", {{"cookie", "a=b"}, {"cookie", "sm_session=abc"}})), "abc");
  for (const char* text :
       {"", ";;;", "sm_session", "sm_session=", "xsm_session=abc", "sm_session2=a"})
    EXPECT_EQ(session_cookie(head("GET", {{"cookie", text}})), std::nullopt) << text;
}

// A page of a sibling host can plant a cookie of a wider path or domain beside ours.
TEST(SessionCookie, TwoOfThemAreNone) {
  EXPECT_EQ(session_cookie(head("GET", {{"cookie", "sm_session=a; sm_session=b"}})), std::nullopt);
  EXPECT_EQ(session_cookie(head("GET", {{"cookie", "sm_session=a"}, {"cookie", "sm_session=b"}})),
            std::nullopt);
}

TEST(SessionCookie, ScriptsAndOtherSitesNeverGetIt) {
  EXPECT_EQ(cookie_text("abc", true), "sm_session=abc; HttpOnly; SameSite=Strict; Path=/; Secure");
  EXPECT_EQ(cookie_text("abc", false), "sm_session=abc; HttpOnly; SameSite=Strict; Path=/");
  EXPECT_EQ(cookie_text("", false), "sm_session=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
}

TEST(SessionCookie, GoesOnlyOverTlsWhereThePageDid) {
  EXPECT_TRUE(has_secure_page(head("POST", {{"origin", "https://mesh.example"}})));
  EXPECT_FALSE(has_secure_page(head("POST", {{"origin", "http://mesh.example"}})));
  EXPECT_FALSE(has_secure_page(head("POST", {})));
}

TEST(Site, OurOwnPagesAndProgramsPass) {
  EXPECT_THAT(check_site(head("POST", {})), Succeeds());
  EXPECT_THAT(
      check_site(head("POST",
                      {{"origin", "https://mesh.example:8443"}, {"sec-fetch-site", "same-origin"}},
                      "8443")),
      Succeeds());
  for (const auto& [origin, port] :
       {std::pair("https://mesh.example", ""), std::pair("http://mesh.example", ""),
        std::pair("https://MESH.example", "443"), std::pair("http://mesh.example:80", ""),
        std::pair("http://mesh.example", "80"), std::pair("https://mesh.example:443", "")})
    EXPECT_THAT(check_site(head("POST", {{"origin", origin}}, port)), Succeeds()) << origin;
  EXPECT_THAT(check_site(head("GET", {{"sec-fetch-site", "none"}})), Succeeds());
}

TEST(Site, OtherPagesDoNot) {
  for (const char* site : {"cross-site", "same-site", "bogus"})
    EXPECT_THAT(check_site(head("POST", {{"sec-fetch-site", site}})),
                FailsWith(Code::insufficient_permissions))
        << site;
  for (const char* origin : {"https://evil.example", "null", "https://mesh.example.evil.example",
                             "https://evil.example:443", "mesh.example", "",
                             "https://evil@mesh.example", "https://mesh.example:80@mesh.example"})
    EXPECT_THAT(check_site(head("POST", {{"origin", origin}})),
                FailsWith(Code::insufficient_permissions))
        << origin;
}

// Another program of the same machine is another site.
TEST(Site, APageOfAnotherPortIsForeign) {
  for (const auto& [origin, port] :
       {std::pair("http://mesh.example:3000", "8081"), std::pair("http://mesh.example", "8081"),
        std::pair("http://mesh.example:8081", ""), std::pair("https://mesh.example:80", ""),
        std::pair("https://mesh.example", "80"), std::pair("http://mesh.example:", "8081"),
        std::pair("https://mesh.example:08443", "8443"), std::pair("ftp://mesh.example", "")})
    EXPECT_THAT(check_site(head("POST", {{"origin", origin}}, port)),
                FailsWith(Code::insufficient_permissions))
        << origin;
}

TEST(Csrf, WritesWantTheSessionsToken) {
  EXPECT_THAT(check_csrf(head("GET", {}), "token"), Succeeds());
  EXPECT_THAT(check_csrf(head("POST", {{"x-sm-csrf", "token"}}), "token"), Succeeds());
  for (const char* method : {"POST", "PUT", "PATCH", "DELETE", "get", "OPTIONS"})
    EXPECT_THAT(check_csrf(head(method, {}), "token"), FailsWith(Code::insufficient_permissions));
  EXPECT_THAT(check_csrf(head("DELETE", {{"x-sm-csrf", "other"}}), "token"),
              FailsWith(Code::insufficient_permissions));
}

}  // namespace
}  // namespace sovmesh::control

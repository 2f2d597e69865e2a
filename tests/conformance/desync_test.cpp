// The labelled requests of http-desync-guardian (AWS, Apache-2.0) against our server over the
// simulated network: Severe and Ambiguous ones must be refused or the connection closed, Compliant
// ones must not get 400, and nothing may ever be taken for two requests.
#include <gmock/gmock.h>
#include <yaml-cpp/yaml.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "src/http/server_fixture.h"

namespace sovmesh::http {
namespace {

struct Case {
  std::string name;
  std::string tier;
  std::string head;  // request line and fields, without the empty line
  std::string body;
};

// What a good client would send behind that head.
std::string body_for(const YAML::Node& headers) {
  for (const YAML::Node& header : headers) {
    const auto name = header["name"].as<std::string>();
    const auto value = header["value"].as<std::string>();
    if (name == "Transfer-Encoding" || name == "TrAnSfEr-EnCoDiNg") return "0\r\n\r\n";
    if (name == "Content-Length")
      return std::string(std::strtoull(value.c_str(), nullptr, 10) % 5'000'000, 'x');
  }
  return "";
}

std::string text_of(const YAML::Node& node) {
  return node && node.IsScalar() ? node.as<std::string>() : "";
}

Case read_case(const YAML::Node& node) {
  Case one{.name = text_of(node["name"]),
           .tier = text_of(node["expected"]["tier"]),
           .head = text_of(node["method"]) + " " + text_of(node["uri"]) + " " +
                   text_of(node["version"]) + "\r\n",
           .body = ""};
  bool has_host = false;
  for (const YAML::Node& header : node["headers"]) {
    has_host |= text_of(header["name"]) == "Host";
    one.head += text_of(header["name"]) + ": " + text_of(header["value"]) + "\r\n";
  }
  if (!has_host) one.head += "Host: localhost\r\n";
  one.body = body_for(node["headers"]);
  return one;
}

// YAML's "\xA0" is a code point; on the wire it may be meant as that one byte.
std::string to_latin1(const std::string& utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    const bool fits = byte == 0xC2 || byte == 0xC3;
    if (byte >= 0x80 && !(fits && i + 1 < utf8.size())) return utf8;
    out += fits ? static_cast<char>((byte << 6 | (utf8[++i] & 0x3F)) & 0xFF) : utf8[i];
  }
  return out;
}

class DesyncTest : public ServerFixture {
 protected:
  void SetUp() override {
    const char* const given = std::getenv("SM_SHARED_DATA");  // NOLINT(concurrency-mt-unsafe)
    const std::filesystem::path data = given != nullptr ? given : SM_SOURCE_DIR "/../shared/data";
    const auto folder = data / "conformance" / "http-desync";
    if (!std::filesystem::is_directory(folder))
      GTEST_SKIP() << folder << " is not there (set SM_SHARED_DATA)";
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".yaml")
        for (const YAML::Node& node : YAML::LoadFile(entry.path()))
          cases_.push_back(read_case(node));
    world_.wire().options.split = false;
    handler_.script = echo;
    start();
  }

  struct Outcome {
    int status = 0;  // of the first answer; 0: none
    bool closed = false;
    std::vector<std::string> seen;
  };
  Outcome send(const std::string& head, const std::string& body) {
    handler_.seen.clear();
    RawClient client = connect();
    const std::string text =
        head + "\r\n" + body + "GET /sentinel HTTP/1.1\r\nHost: localhost\r\n\r\n";
    std::string answer;
    for (std::size_t at = 0; at < text.size() && !client.ended() && !client.was_reset();
         at += 20'000) {
      const std::string_view piece = std::string_view(text).substr(at, 20'000);
      const iovec bytes{const_cast<char*>(piece.data()), piece.size()};
      if (client.socket().try_write({&bytes, 1}).status != rt::IoResult::Status::ok) break;
      answer += client.receive(std::chrono::milliseconds(2));
    }
    answer += client.receive(std::chrono::milliseconds(20));
    Outcome outcome{
        .status = 0, .closed = client.ended() || client.was_reset(), .seen = handler_.seen};
    if (answer.size() > 12) outcome.status = std::atoi(answer.c_str() + 9);
    return outcome;
  }

  // Whether the case behaves as its tier demands.
  bool is_good(const Case& one, const std::string& head) {
    const Outcome outcome = send(head, one.body);
    const bool refused = outcome.status >= 400 && outcome.status < 600 && outcome.closed;
    // The sentinel may be seen behind a request that was; nothing else may ever be.
    const bool split = outcome.seen.size() > 2 ||
                       (outcome.seen.size() == 2 && outcome.seen[1] != "GET /sentinel") ||
                       (!outcome.seen.empty() && outcome.seen[0] == "GET /sentinel");
    bool good = !split;
    if (one.tier == "Severe" || one.tier == "Ambiguous")
      good = good && outcome.seen.empty() && (refused || (outcome.status == 0 && outcome.closed));
    if (one.tier == "Compliant") good = good && outcome.status != 400 && outcome.status != 0;
    EXPECT_TRUE(good) << one.tier << ": " << one.name << ": status " << outcome.status
                      << ", closed " << outcome.closed << ", seen "
                      << testing::PrintToString(outcome.seen);
    return good;
  }

  std::vector<Case> cases_;
};

TEST_F(DesyncTest, EveryLabelledRequestIsTreatedAsItsTierDemands) {
  struct Count {
    int good = 0;
    int all = 0;
  };
  std::map<std::string, Count> counts;
  for (const Case& one : cases_) {
    const std::string as_bytes = to_latin1(one.head);
    bool good = is_good(one, one.head);
    if (as_bytes != one.head) good = is_good(one, as_bytes) && good;
    ++counts[one.tier].all;
    counts[one.tier].good += good ? 1 : 0;
  }
  for (const char* tier : {"Severe", "Ambiguous", "Compliant", "Acceptable"})
    std::printf("desync %s %d/%d\n", tier, counts[tier].good, counts[tier].all);
  EXPECT_EQ(counts["Severe"].good, 58);
  EXPECT_EQ(counts["Ambiguous"].good, 58);
  EXPECT_EQ(counts["Compliant"].good, 28);
}

// The check itself must be able to fail: a server that sees two requests is caught.
TEST_F(DesyncTest, ACaseThatBreaksItsTierIsSeen) {
  const Case harmless{
      .name = "", .tier = "Severe", .head = "GET / HTTP/1.1\r\nHost: a\r\n", .body = ""};
  const Outcome outcome = send(harmless.head, "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(outcome.seen, testing::ElementsAre("GET /", "GET /smuggled", "GET /sentinel"));
}

}  // namespace
}  // namespace sovmesh::http

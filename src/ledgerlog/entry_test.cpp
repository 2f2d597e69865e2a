#include "ledgerlog/entry.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/bytes.h"
#include "ledgerlog/tiles.h"
#include "tests/support/audit_log.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::ledgerlog {
namespace {

EntryHead head(std::uint64_t seq) { return {.seq = seq, .time = audit_time(seq)}; }

std::string written(const EntryBody& body) {
  const auto bytes = write_entry(head(7), body);
  EXPECT_THAT(bytes, Succeeds());
  return bytes.value_or("");
}

SigningKey signer(char seed) { return *SigningKey::from_seed(std::string(32, seed)); }

// The bytes of the format, for ever. A change here is a new version of it.
TEST(Entry, HasTheseBytes) {
  EXPECT_EQ(
      written(sample_request(7)),
      R"({"v":1,"seq":7,"t":"2026-11-25T08:30:07.000000Z","kind":"request",)"
      R"("tenant":"01JD9Z3M4N5P6Q7R8S9TAVBWCX","project":"01JD9Z3M4N5P6Q7R8S9TAVBWCY",)"
      R"("rid":"req_00000000000000000000000000000007","key":"Ab3dEf6hIj9k",)"
      R"("actor_ref":"a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0",)"
      R"("op":"chat","start":"2026-11-25T08:30:06.500000Z","model":"aurora/chat-8b@3",)"
      R"("model_digest":"b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1",)"
      R"("engine":"gpu-1","host":"node3.aurora.example","site":"zurich-1","jurisdiction":"CH",)"
      R"("egress":"none","status":200,"finish":"stop","outcome":"ok","tokens_in":120,)"
      R"("tokens_cached":100,"tokens_out":57,)"
      R"("prompt_digest":"c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2",)"
      R"("answer_digest":"d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3d3",)"
      R"("digest_key":"2026-11-25","rules":"","ledger_ref":"settle/7","price_ver":"p4",)"
      R"("cost_micro":1234,"currency":"CHF","policy_ver":"12",)"
      R"("config_hash":"e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4e4",)"
      R"("ct_hash":""})");
  EXPECT_EQ(written(sample_admin(7)),
            R"({"v":1,"seq":7,"t":"2026-11-25T08:30:07.000000Z","kind":"admin",)"
            R"("tenant":"01JD9Z3M4N5P6Q7R8S9TAVBWCX","actor_type":"user",)"
            R"("actor_ref":"a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0",)"
            R"("auth":"admin-token","action":"key.revoke","object_ref":"key/Ab3dEf6hIj9k",)"
            R"("subject_ref":"","outcome":"ok","rid":"req_00000000000000000000000000000007",)"
            R"("before":"f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5f5",)"
            R"("after":"","count":1,"reason":"lost \"laptop\" )"
            "\u2014"
            R"(\n7","policy_ver":"12",)"
            R"("config_hash":"","ct_hash":""})");
}

RequestEntry scheduled_request() {
  RequestEntry entry = sample_request(7);
  entry.priority = "batch";
  entry.pool = "gpu";
  return entry;
}

// What asked for a seat says so at its end, in the next version; all else is as it was.
TEST(Entry, OfARequestThatAskedForASeatHasItsClassAndPool) {
  std::string before = written(sample_request(7));
  before.replace(before.find("\"v\":1"), 5, "\"v\":2");
  before.pop_back();
  EXPECT_EQ(written(scheduled_request()), before + R"(,"class":"batch","pool":"gpu"})");
  for (const auto& [from, to] :
       {std::pair("\"v\":2", "\"v\":1"), std::pair("batch", ""), std::pair(",\"pool\":\"gpu\"", ""),
        std::pair("\"gpu\"", "\"g pu\"")}) {
    std::string changed = written(scheduled_request());
    changed.replace(changed.find(from), std::string_view(from).size(), to);
    EXPECT_THAT(parse_entry(changed), FailsWith(Code::invalid_value)) << from;
    EXPECT_THAT(check_entry(changed), FailsWith(Code::invalid_value)) << from;
  }
}

// The one member that may be absent, so that logs from before it was there stay good.
TEST(Entry, SaysWhereACopyWentOnlyWhereThereWasOne) {
  RequestEntry copied = sample_request(7);
  copied.mirror = "lab@10.0.0.9:8000";
  const std::string bytes = written(copied);
  EXPECT_TRUE(bytes.ends_with(R"("ct_hash":"","mirror":"lab@10.0.0.9:8000"})")) << bytes;
  for (const auto& body : {copied, sample_request(7)}) {
    const auto entry = parse_entry(written(body));
    ASSERT_THAT(entry, Succeeds());
    EXPECT_EQ(entry->body, EntryBody(body));
  }
  for (const char* wrong : {R"("mirror":"")", R"("mirror":7)", R"("mirrors":"lab")"}) {
    std::string other = bytes;
    other.replace(other.find(R"("mirror")"), std::string::npos, std::string(wrong) + "}");
    EXPECT_FALSE(parse_entry(other)) << other;
  }
  std::string twice = bytes;
  twice.insert(twice.size() - 1, R"(,"mirror":"lab")");
  EXPECT_FALSE(parse_entry(twice));
}

TEST(Entry, ComesBackAsItWas) {
  const auto key =
      make_key_rotation("sovmesh.example/audit", 7, signer('a'), signer('b').verify_key());
  ASSERT_THAT(key, Succeeds());
  for (const EntryBody& body :
       {EntryBody(sample_request(7)), EntryBody(scheduled_request()), EntryBody(sample_admin(7)),
        EntryBody(*key), EntryBody(AdminEntry{.action = "a", .outcome = "o"})}) {
    const std::string bytes = written(body);
    const auto entry = parse_entry(bytes);
    ASSERT_THAT(entry, Succeeds()) << bytes;
    EXPECT_EQ(entry->head.seq, 7U);
    EXPECT_EQ(entry->head.time, audit_time(7));
    EXPECT_EQ(entry->body, body);
    const auto summary = check_entry(bytes);
    ASSERT_THAT(summary, Succeeds());
    EXPECT_EQ(static_cast<std::size_t>(summary->kind), body.index());
    EXPECT_FALSE(summary->clock_step);
  }
}

TEST(Entry, EveryCharacterHasOneSpelling) {
  AdminEntry admin = sample_admin(7);
  admin.reason.clear();
  for (int c = 0; c < 0x80; ++c)
    admin.reason.push_back(static_cast<char>(c));
  admin.reason += "\u00e9\u4e2d\U0001F600";
  const std::string bytes = written(admin);
  const auto entry = parse_entry(bytes);
  ASSERT_THAT(entry, Succeeds());
  EXPECT_EQ(std::get<AdminEntry>(entry->body), admin);
  const auto refuse = [&](std::string_view from, std::string_view to) {
    std::string changed = bytes;
    const std::size_t at = changed.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    EXPECT_THAT(parse_entry(changed), FailsWith(Code::invalid_value)) << to;
    EXPECT_THAT(check_entry(changed), FailsWith(Code::invalid_value)) << to;
  };
  refuse("ABC", "\\u0041BC");
  refuse("\\n", "\\u000a");
  refuse("\\u001f", "\\u001F");
  refuse("\\\"", "\\u0022");
  refuse("/", "\\/");
  refuse("\\u000c", "\\f");
  refuse("\\u0001", "\x01");
  refuse("\u00e9", "\xe9");
  refuse("\"count\":1", "\"count\":01");
  refuse("\"count\":1", "\"count\":1.0");
  refuse("\"count\":1", "\"count\":-1");
  refuse("\"count\":1", "\"count\":9007199254740992");
  refuse("\"count\":1", "\"count\": 1");
  refuse("\"count\":1,", "");
  refuse("\"count\":1,", "\"count\":1,\"count\":1,");
  refuse("\"\"}", "\"\",\"more\":1}");
  refuse("\"\"}", "\"\"} ");
  refuse("{", " {");
  refuse("\"v\":1", "\"v\":2");
  refuse("\"v\":1", "\"v\":0");
  refuse("admin", "other");
  refuse("08:30:07.000000Z", "08:30:07Z");
  refuse("08:30:07.000000Z", "08:30:60.000000Z");
  refuse("2026-11-25T", "2026-02-30T");
  refuse("2026-11-25T", "1969-12-31T");
}

TEST(Entry, NoByteOfItIsFree) {
  const std::string bytes = written(sample_request(7));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    EXPECT_FALSE(parse_entry(bytes.substr(0, i)));
    EXPECT_FALSE(check_entry(bytes.substr(0, i)));
  }
}

TEST(Entry, AValueThatIsNotAllowedIsNamedAndNeverWritten) {
  const auto wrong = [](std::string_view member, auto change, auto entry) {
    change(entry);
    const auto bytes = write_entry(head(7), entry);
    ASSERT_THAT(bytes, FailsWith(Code::invalid_value)) << member;
    EXPECT_EQ(bytes.error().param(), member);
  };
  const auto request = [&wrong](std::string_view member, auto change) {
    wrong(member, change, sample_request(7));
  };
  request("tenant", [](RequestEntry& e) { e.tenant = ""; });
  request("tenant", [](RequestEntry& e) { e.tenant = "aurora"; });
  request("tenant", [](RequestEntry& e) { e.tenant[0] = '8'; });
  request("tenant", [](RequestEntry& e) { e.tenant[25] = 'U'; });
  request("rid", [](RequestEntry& e) { e.rid = "req_7"; });
  request("rid", [](RequestEntry& e) { e.rid[10] = 'A'; });
  request("actor_ref", [](RequestEntry& e) { e.actor_ref = "alice"; });
  request("actor_ref", [](RequestEntry& e) { e.actor_ref[0] = 'A'; });
  request("op", [](RequestEntry& e) { e.operation = "two words"; });
  request("model", [](RequestEntry& e) { e.model = "\xff"; });
  request("model", [](RequestEntry& e) { e.model.assign(257, 'm'); });
  request("egress", [](RequestEntry& e) { e.egress = ""; });
  request("egress", [](RequestEntry& e) { e.egress.assign(1561, 'h'); });
  request("tokens_in", [](RequestEntry& e) { e.tokens_in = std::uint64_t{1} << 53; });
  request("start", [](RequestEntry& e) { e.start = WallTime(std::chrono::microseconds(-1)); });
  request("start", [](RequestEntry& e) { e.start = WallTime::max(); });
  request("class", [](RequestEntry& e) { e.pool = "gpu"; });
  wrong("action", [](AdminEntry& e) { e.action = ""; }, sample_admin(7));
  wrong("reason", [](AdminEntry& e) { e.reason.assign(1025, 'r'); }, sample_admin(7));
}

TEST(Entry, TheLongestOneFitsItsLengthPrefix) {
  AdminEntry admin = sample_admin(7);
  admin.reason.assign(1024, '\x01');
  admin.object_ref.assign(512, '\x01');
  EXPECT_LE(written(admin).size(), kEntryBytesMax);
  RequestEntry request = sample_request(7);
  for (std::string* const text :
       {&request.model, &request.engine, &request.host, &request.site, &request.egress})
    text->assign(text == &request.model ? 256 : 64, '\x01');
  request.egress.assign(1560, '\x01');
  request.rules.assign(1024, '\x01');
  EXPECT_LE(written(request).size(), kEntryBytesMax);
}

TEST(KeyEntry, ARotationIsSignedByTheKeyBefore) {
  const auto entry =
      make_key_rotation("sovmesh.example/audit", 9, signer('a'), signer('b').verify_key());
  ASSERT_THAT(entry, Succeeds());
  const auto signature = from_base64(entry->signature);
  ASSERT_TRUE(signature);
  EXPECT_TRUE(signer('a').verify_key().verifies(
      rotation_message("sovmesh.example/audit", 9, entry->previous, entry->next), *signature));
  EXPECT_THAT(make_key_start("not an origin", signer('a')), FailsWith(Code::invalid_value));
}

}  // namespace
}  // namespace sovmesh::ledgerlog

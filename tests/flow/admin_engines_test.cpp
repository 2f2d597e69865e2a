// Engines that administrators stop and start, and what their processes wrote.
#include <gmock/gmock.h>

#include "tests/flow/access_world.h"
#include "tests/flow/admin_world.h"

namespace sovmesh::control {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class AdminEnginesTest : public AdminWorld {
 protected:
  AdminEnginesTest() {
    tiny_.is_managed_ = true;
    tiny_.status_.state = engine::State::ready;
    tiny_.status_.pid = 4711;
    tiny_.memory_bytes_ = 52'428'800;
  }
  FakeEngine& tiny_ = static_cast<FakeEngine&>(*engines_.front());
};

TEST_F(AdminEnginesTest, ShowsWhatItsProcessHasAndWhatRunsThere) {
  in_flight_ = 3;
  EXPECT_THAT(ok("GET", "engines/tiny"),
              AllOf(HasSubstr(R"("supervised":true,"out_of_service":false,"pid":4711,)"
                              R"("memory_bytes":52428800,"in_flight":3,)")));
  tiny_.status_.pid.reset();
  EXPECT_THAT(ok("GET", "engines"), HasSubstr(R"("pid":null,"memory_bytes":null,)"));
}

TEST_F(AdminEnginesTest, StopTakesItOutAndStartPutsItBack) {
  const auto stopped = call("POST", "engines/tiny/stop", R"({"grace_s":5})");
  ASSERT_TRUE(stopped) << stopped.error().message();
  EXPECT_EQ(stopped->status, 200);
  EXPECT_THAT(stopped->body, AllOf(HasSubstr(R"("name":"tiny")"), HasSubstr(R"("state":"stopped")"),
                                   HasSubstr(R"("reason":"stopped by an administrator")"),
                                   HasSubstr(R"("out_of_service":true)")));
  EXPECT_TRUE(tiny_.is_out_of_service());
  EXPECT_THAT(graces_, ElementsAre(5s));

  EXPECT_THAT(ok("POST", "engines/tiny/stop"), HasSubstr(R"("state":"stopped")"));
  EXPECT_THAT(graces_, ElementsAre(5s)) << "what is stopped is only shown";

  EXPECT_THAT(ok("POST", "engines/tiny/start"),
              AllOf(HasSubstr(R"("state":"ready")"), HasSubstr(R"("out_of_service":false)")));
  EXPECT_FALSE(tiny_.is_out_of_service());
  EXPECT_THAT(ok("POST", "engines/tiny/start", "{}"), HasSubstr(R"("state":"ready")"));
  ok("POST", "engines/tiny/stop", "{}");
  EXPECT_EQ(graces_.back(), AdminApi::kGraceUsual);
}

TEST_F(AdminEnginesTest, ADrainIsShortenedByAnotherStop) {
  ok("POST", "engines/tiny/stop", R"({"grace_s":600})");
  tiny_.status_.state = engine::State::draining;
  ok("POST", "engines/tiny/stop", R"({"grace_s":0})");
  EXPECT_THAT(graces_, ElementsAre(600s, 0s));
}

TEST_F(AdminEnginesTest, ATrialSaysWhatWouldBeAndStopsNothing) {
  const std::string tried = ok("POST", "engines/tiny/stop?dry_run=true");
  EXPECT_THAT(tried, AllOf(HasSubstr(R"("action":"change")"),
                           HasSubstr(R"("member":"state","before":"ready","after":"stopped")")));
  EXPECT_THAT(tried, Not(HasSubstr(R"("member":"memory_bytes")")));
  EXPECT_FALSE(tiny_.is_out_of_service());
  EXPECT_THAT(graces_, IsEmpty());
}

TEST_F(AdminEnginesTest, RefusesWhatMakesNoSense) {
  for (const char* const body :
       {R"({"grace_s":601})", R"({"grace_s":-1})", R"({"grace_s":"5"})", R"({"grace":5})", "[]"})
    EXPECT_TRUE(refusal("POST", "engines/tiny/stop", body)) << body;
  EXPECT_TRUE(refusal("POST", "engines/tiny/start", R"({"grace_s":1})"));
  EXPECT_EQ(refusal("POST", "engines/none/stop"), Code::not_found);
  EXPECT_EQ(refusal("POST", "engines/none/start"), Code::not_found);
  EXPECT_EQ(refusal("GET", "engines/none/log"), Code::not_found);
  EXPECT_EQ(refusal("POST", "engines/tiny/stop", "", R"("3")"), Code::precondition_failed)
      << "the file's has no revision";
  EXPECT_THAT(graces_, IsEmpty());
}

TEST_F(AdminEnginesTest, OneOfTheApiIsStoppedAtItsRevision) {
  ok("POST", "engines", R"({"name":"far","url":"http://far/v1"})");
  EXPECT_EQ(refusal("POST", "engines/far/stop", "", R"("99")"), Code::precondition_failed);
  const auto shown = call("GET", "engines/far");
  const auto stopped = call("POST", "engines/far/stop", "", shown->etag);
  ASSERT_TRUE(stopped) << stopped.error().message();
  EXPECT_EQ(stopped->etag, shown->etag);
  EXPECT_THAT(stopped->body,
              AllOf(HasSubstr(R"("state":"stopped")"), HasSubstr(R"("supervised":false)"),
                    HasSubstr(R"("memory_bytes":null)")));
}

TEST_F(AdminEnginesTest, TheLogIsTheNewestLinesAndHowManyAreWithheld) {
  tiny_.log_ = {"loading model", "model loaded", "ready"};
  tiny_.withheld_ = 12;
  EXPECT_EQ(ok("GET", "engines/tiny/log"),
            R"({"name":"tiny","lines":["loading model","model loaded","ready"],"withheld":12})");
  EXPECT_THAT(ok("GET", "engines/tiny/log?lines=2"),
              HasSubstr(R"("lines":["model loaded","ready"])"));
  EXPECT_THAT(ok("GET", "engines/tiny/log?lines=1000"), HasSubstr("loading model"));
  for (const char* const lines : {"0", "1001", "-1", "many"})
    EXPECT_EQ(refusal("GET", std::string("engines/tiny/log?lines=") + lines), Code::invalid_value);
  EXPECT_TRUE(refusal("GET", "engines/tiny/log?tail=3"));
}

TEST_F(AdminEnginesTest, ALogThatIsKeptElsewhereIsNotShown) {
  ok("POST", "engines", R"({"name":"far","url":"http://far/v1"})");
  EXPECT_EQ(refusal("GET", "engines/far/log"), Code::conflict);
}

class EngineAuditTest : public AccessWorld {};

TEST_F(EngineAuditTest, WhoStoppedAnEngineIsInTheLogOnce) {
  must("POST", "engines/tiny/stop", R"({"grace_s":1})");
  ASSERT_FALSE(actions().empty());
  EXPECT_EQ(actions().back(), "engine.stop");
  static_cast<FakeEngine&>(*engines_.front()).take_out_of_service();
  const std::size_t before = actions().size();
  must("POST", "engines/tiny/stop");
  EXPECT_EQ(actions().size(), before) << "it is stopped already";
  must("POST", "engines/tiny/start");
  EXPECT_EQ(actions().back(), "engine.start");
  EXPECT_EQ(audit_.entries.back().admin->object, "engines/tiny");
}

TEST_F(EngineAuditTest, OneOfTheApiHasItsNameInAllEntries) {
  const std::string id =
      member(must("POST", "engines", R"({"name":"far","url":"http://far/v1"})"), "id");
  ASSERT_FALSE(id.empty());
  engines_.push_back(std::make_shared<FakeEngine>("far", 64));
  const auto object = [this] { return audit_.entries.back().admin->object; };
  EXPECT_EQ(object(), "engines/far");
  for (const std::string& path : {std::string("far"), id}) {
    must("POST", "engines/" + path + "/stop");
    EXPECT_EQ(actions().back(), "engine.stop");
    EXPECT_EQ(object(), "engines/far");
    must("POST", "engines/" + path + "/start");
    EXPECT_EQ(actions().back(), "engine.start");
    EXPECT_EQ(object(), "engines/far");
  }
  must("DELETE", "engines/" + id);
  EXPECT_EQ(actions().back(), "engine.delete");
  EXPECT_EQ(object(), "engines/far");
}

}  // namespace
}  // namespace sovmesh::control

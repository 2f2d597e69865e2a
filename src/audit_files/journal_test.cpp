#include "audit_files/journal.h"

#include <gtest/gtest.h>

#include "audit_files/sim_files.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::audit_files {
namespace {

const std::string kPath = "/data/journal";

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    (void)files_.make_folder("/data");
    (void)files_.sync_folder("/");
  }
  Result<std::vector<std::string>> read() {
    std::vector<std::string> records;
    TRY_VOID(Journal::open(files_, kPath, &records));
    return records;
  }
  Journal begin() {
    std::vector<std::string> records;
    return *Journal::open(files_, kPath, &records);
  }
  SimFiles files_{1};
};

TEST_F(JournalTest, GivesBackWhatWasAppended) {
  Journal journal = begin();
  ASSERT_THAT(journal.append("one"), Succeeds());
  ASSERT_THAT(journal.append(""), Succeeds());
  EXPECT_THAT(read(), HasValue(std::vector<std::string>{"one", ""}));
}

TEST_F(JournalTest, DropsATornLastRecord) {
  const std::string whole = Journal::format("one") + Journal::format("two");
  for (std::size_t cut = Journal::format("one").size(); cut < whole.size(); ++cut) {
    files_.put(kPath, whole.substr(0, cut));
    EXPECT_THAT(read(), HasValue(std::vector<std::string>{"one"})) << cut;
    EXPECT_THAT(read(), HasValue(std::vector<std::string>{"one"})) << "after the cut";
  }
}

TEST_F(JournalTest, RefusesDamageInFrontOfWholeRecords) {
  const std::string whole = Journal::format("one") + Journal::format("two");
  for (std::size_t at = 0; at < Journal::format("one").size(); ++at) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    files_.put(kPath, damaged);
    EXPECT_THAT(read(), FailsWith(Code::data_dir_invalid)) << at;
  }
}

TEST_F(JournalTest, GoesOnAfterAFullDisk) {
  Journal journal = begin();
  ASSERT_THAT(journal.append("one"), Succeeds());
  files_.fail_write(1, Code::overloaded);
  EXPECT_THAT(journal.append("two"), FailsWith(Code::overloaded));
  ASSERT_THAT(journal.append("three"), Succeeds());
  EXPECT_THAT(read(), HasValue(std::vector<std::string>{"one", "three"}));
}

TEST_F(JournalTest, NeverTriesAgainAfterAFailedSync) {
  Journal journal = begin();
  files_.fail_sync(1);
  EXPECT_THAT(journal.append("one"), FailsWith(Code::io_error));
  EXPECT_TRUE(journal.broken());
  EXPECT_THAT(journal.append("two"), FailsWith(Code::io_error));
}

}  // namespace
}  // namespace sovmesh::audit_files

#include "audit_files/pending.h"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::audit_files {
namespace {

std::string commit_of(std::size_t count) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i)
    texts.push_back("entry " + std::to_string(i) + std::string(i % 300, '.'));
  return format_pending(7, std::vector<std::string_view>(texts.begin(), texts.end()));
}

TEST(Pending, GivesBackCommitsOfAnySize) {
  for (const std::size_t count : {0U, 1U, 256U, 257U, 4'096U}) {
    const std::string record = commit_of(count);
    const auto commit = parse_pending(record);
    ASSERT_THAT(commit, Succeeds()) << count;
    EXPECT_EQ(commit->first, 7U);
    ASSERT_EQ(commit->entries.size(), count);
    if (count > 0) EXPECT_TRUE(commit->entries.back().starts_with("entry ")) << count;
  }
}

TEST(Pending, RefusesOneThatIsCutShortOrTooLong) {
  const std::string record = commit_of(3);
  for (std::size_t size = 0; size < record.size(); ++size)
    EXPECT_THAT(parse_pending(std::string_view(record).substr(0, size)),
                FailsWith(Code::data_dir_invalid))
        << size;
  EXPECT_THAT(parse_pending(record + '\0'), FailsWith(Code::data_dir_invalid));
}

}  // namespace
}  // namespace sovmesh::audit_files

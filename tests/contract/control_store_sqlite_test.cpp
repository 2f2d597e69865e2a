#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/contract/control_store_suite.h"
#include "tests/contract/people_suite.h"
#include "tests/contract/sqlite_place.h"
#include "tests/contract/webhook_suite.h"

namespace sovmesh::store {
namespace {

class OnTheMachine : public ControlPlace {
 public:
  Result<std::unique_ptr<ControlStore>> open(const Clock& clock) override {
    return store_sqlite::open_control_store(store_sqlite::real_disk(),
                                            folder_.path() + "/control.db", clock);
  }

 private:
  store_sqlite::TempFolder folder_;
};

// Loses power each time it is opened: what the store acknowledged is there all the same.
class WithPowerCuts : public ControlPlace {
 public:
  Result<std::unique_ptr<ControlStore>> open(const Clock& clock) override {
    disk_.power_loss();
    return store_sqlite::open_control_store(disk_, "/data/control.db", clock);
  }

 private:
  store_sqlite::SimDisk disk_{1};
};

template <class Place>
std::unique_ptr<ControlPlace> make() {
  return std::make_unique<Place>();
}

INSTANTIATE_TEST_SUITE_P(SqliteFile, ControlStoreSuite, testing::Values(make<OnTheMachine>));
INSTANTIATE_TEST_SUITE_P(SqliteSim, ControlStoreSuite, testing::Values(make<WithPowerCuts>));
INSTANTIATE_TEST_SUITE_P(SqliteFile, PeopleSuite, testing::Values(make<OnTheMachine>));
INSTANTIATE_TEST_SUITE_P(SqliteSim, PeopleSuite, testing::Values(make<WithPowerCuts>));
INSTANTIATE_TEST_SUITE_P(SqliteFile, WebhookSuite, testing::Values(make<OnTheMachine>));
INSTANTIATE_TEST_SUITE_P(SqliteSim, WebhookSuite, testing::Values(make<WithPowerCuts>));

// A name that was removed is neither on a free page, nor in the gap of one, nor in the log.
TEST(ControlFile, WhatWasRemovedIsInNoFileOnceItIsOverwritten) {
  const store_sqlite::TempFolder folder;
  const ManualClock clock;
  rt::sim::SeededRandom random(1);
  UlidSource ids(clock, random);
  const auto store = store_sqlite::open_control_store(store_sqlite::real_disk(),
                                                      folder.path() + "/control.db", clock);
  ASSERT_THAT(store, Succeeds());
  const auto bytes = [&] {
    std::string all;
    for (const auto& file : std::filesystem::recursive_directory_iterator(folder.path())) {
      std::ifstream in(file.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  };
  const auto tenant =
      (*store)->create(tenancy::Tenant{.id = {ids.next()}, .slug = *TenantSlug::parse("aurora")});
  const auto project = (*store)->create(tenancy::Project{
      .id = {ids.next()}, .tenant = tenant->id, .slug = *ProjectSlug::parse("default")});
  // So many that pages are divided while the name is on them.
  const std::string name = "Annika.Lindqvist@example.org";
  for (int i = 0; i < 300; ++i) {
    tenancy::Key key{.id = *KeyId::parse(fmt::format("key{:09}", i * 7919 % 300)),
                     .tenant = tenant->id,
                     .project = project->id};
    key.owner = i % 3 == 0 ? name : fmt::format("other-{}", i);
    ASSERT_THAT((*store)->create(key), Succeeds());
  }
  ASSERT_TRUE(bytes().contains(name)) << "else nothing is tested here";
  for (const tenancy::Key& key : (*store)->load()->keys) {
    if (key.owner == name) ASSERT_THAT((*store)->remove(key.id, key.meta.revision), Succeeds());
  }
  const auto done = (*store)->overwrite_removed(name);
  ASSERT_THAT(done, Succeeds());
  EXPECT_TRUE(done->were_there);
  EXPECT_FALSE(done->are_there);
  EXPECT_FALSE(bytes().contains(name));
  const auto of_another = (*store)->overwrite_removed("other-1");
  ASSERT_THAT(of_another, Succeeds());
  EXPECT_TRUE(of_another->are_there) << "as a part of other-100";
  EXPECT_FALSE((*store)->overwrite_removed(name)->were_there);
  EXPECT_EQ((*store)->load()->keys.size(), 200);
}

}  // namespace
}  // namespace sovmesh::store

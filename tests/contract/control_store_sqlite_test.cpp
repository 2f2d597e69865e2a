#include "tests/contract/control_store_suite.h"
#include "tests/contract/sqlite_place.h"

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

}  // namespace
}  // namespace sovmesh::store

#include "compose/first_uses.h"

#include <gmock/gmock.h>

#include "rt/blocking.h"
#include "tests/support/fake_audit.h"
#include "tests/support/memory_control.h"

namespace sovmesh::compose {
namespace {

// Does its work at once, when there is room.
class InlinePool : public rt::BlockingPool {
 public:
  bool has_room = true;
  bool submit(std::move_only_function<void()> work) override {
    if (has_room) work();
    return has_room;
  }
};

TEST(FirstUsesTest, AKeyIsToldOfOnceAlsoOverARestart) {
  MemoryControl store;
  const auto audit = std::make_shared<FakeAudit>();
  InlinePool pool;
  tenancy::Key key{.id = *KeyId::parse("abcdefghijkl"), .tenant = {}, .project = {}};
  for (int start = 0; start < 2; ++start) {
    const auto uses = std::make_shared<FirstUses>(store, audit, pool);
    EXPECT_TRUE(uses->note(key));
    EXPECT_TRUE(uses->note(key));
    ASSERT_EQ(audit->entries.size(), 1U);
  }
  EXPECT_EQ(audit->entries[0].admin->action, "key.first_use");
  EXPECT_EQ(audit->entries[0].admin->object, "keys/abcdefghijkl");
}

TEST(FirstUsesTest, WhatCouldNotBeToldIsNotRemembered) {
  MemoryControl store;
  const auto audit = std::make_shared<FakeAudit>();
  InlinePool pool;
  const tenancy::Key key{.id = *KeyId::parse("abcdefghijkl"), .tenant = {}, .project = {}};
  const auto uses = std::make_shared<FirstUses>(store, audit, pool);
  pool.has_room = false;
  EXPECT_FALSE(uses->note(key));
  pool.has_room = true;
  audit->broken = true;
  EXPECT_TRUE(uses->note(key));
  audit->broken = false;
  EXPECT_TRUE(std::make_shared<FirstUses>(store, audit, pool)->note(key));
  EXPECT_EQ(audit->entries.size(), 1U);
}

}  // namespace
}  // namespace sovmesh::compose

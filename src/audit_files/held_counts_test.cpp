#include "audit_files/held_counts.h"

#include <gmock/gmock.h>

#include "audit_files/sim_files.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::audit_files {
namespace {

const std::string kPath = "/data/held";

struct Disk {
  explicit Disk(std::uint64_t seed) : files(seed) {
    (void)files.make_folder("/data");
    (void)files.sync_folder("/data");
  }
  SimFiles files;
};

TEST(HeldCounts, AreReadAsTheyWereSaved) {
  Disk disk(1);
  auto held = HeldCounts::open(disk.files, kPath);
  ASSERT_THAT(held, Succeeds());
  EXPECT_EQ(held->note().count, 0U);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    ASSERT_THAT(held->save({.log_size = 10, .count = i, .text = "queue_full 3, other 2"}),
                Succeeds());
    disk.files.power_loss();
    held = HeldCounts::open(disk.files, kPath);
    ASSERT_THAT(held, Succeeds());
    EXPECT_EQ(held->note().count, i);
    EXPECT_EQ(held->note().log_size, 10U);
    EXPECT_EQ(held->note().text, "queue_full 3, other 2");
  }
  EXPECT_EQ(disk.files.read(kPath)->value().size(), 2 * HeldCounts::kSlot) << "it never grows";
}

TEST(HeldCounts, HaveAGapBesideThem) {
  Disk disk(1);
  auto held = HeldCounts::open(disk.files, kPath);
  ASSERT_THAT(held, Succeeds());
  Gap gap;
  gap.add({Ulid::from_bytes({'\n', ' ', 3})});
  gap.start = gap.hash;
  gap.add({Ulid::from_bytes({4, 5, 6})});
  for (const char* text : {"", "queue_full 3"}) {
    ASSERT_THAT(held->save({.log_size = 1, .count = 3, .text = text, .gap = gap}), Succeeds());
    held = HeldCounts::open(disk.files, kPath);
    ASSERT_THAT(held, Succeeds());
    EXPECT_EQ(held->note().text, text);
    EXPECT_EQ(held->note().gap.count, 2U);
    EXPECT_EQ(held->note().gap.start, gap.start);
    EXPECT_EQ(held->note().gap.hash, gap.hash);
  }
}

TEST(HeldCounts, ASaveThatIsTornLeavesTheOneBefore) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Disk disk(seed);
    auto held = HeldCounts::open(disk.files, kPath);
    ASSERT_THAT(held, Succeeds());
    const std::string text(600, 'x');  // over two sectors
    ASSERT_THAT(held->save({.log_size = 1, .count = 1, .text = text}), Succeeds());
    ASSERT_THAT(held->save({.log_size = 1, .count = 2, .text = text}), Succeeds());
    disk.files.lose_power_after(2);  // between the write and its sync
    EXPECT_FALSE(held->save({.log_size = 1, .count = 3, .text = text}));
    disk.files.power_on();
    held = HeldCounts::open(disk.files, kPath);
    ASSERT_THAT(held, Succeeds());
    EXPECT_GE(held->note().count, 2U);
    EXPECT_FALSE(held->is_damaged());
  }
}

TEST(HeldCounts, OnAFullDiskThereIsNoneAndOneThatIsThereGoesOn) {
  Disk disk(1);
  disk.files.fail_write(1, Code::overloaded, SimFiles::kForever);
  EXPECT_THAT(HeldCounts::open(disk.files, kPath), FailsWith(Code::overloaded));
  EXPECT_TRUE(disk.files.paths().empty()) << "what was written of it is gone";
  disk.files.fail_write(0, Code::overloaded, 0);
  auto held = HeldCounts::open(disk.files, kPath);
  ASSERT_THAT(held, Succeeds());
  disk.files.fail_write(1, Code::overloaded, SimFiles::kForever);
  EXPECT_THAT(held->save({.log_size = 1, .count = 1, .text = "queue_full 1"}), Succeeds());
}

TEST(HeldCounts, WhatNobodyCanReadIsSaid) {
  Disk disk(1);
  disk.files.put(kPath, std::string(2 * HeldCounts::kSlot, 'x'));
  auto held = HeldCounts::open(disk.files, kPath);
  ASSERT_THAT(held, Succeeds());
  EXPECT_TRUE(held->is_damaged());
  ASSERT_THAT(held->save({}), Succeeds());
  EXPECT_FALSE(HeldCounts::open(disk.files, kPath)->is_damaged());
}

TEST(HeldCounts, TextThatIsTooLongIsRefused) {
  Disk disk(1);
  auto held = HeldCounts::open(disk.files, kPath);
  EXPECT_THAT(held->save({.log_size = 1, .count = 1, .text = std::string(5'000, 'x')}),
              FailsWith(Code::invalid_value));
}

}  // namespace
}  // namespace sovmesh::audit_files

#pragma once

#include "tests/contract/control_store_suite.h"

// What every ControlStore does with webhooks. Instantiated beside ControlStoreSuite.
namespace sovmesh::store {

class WebhookSuite : public ControlStoreSuite {};

TEST_P(WebhookSuite, KeepsEveryFieldOfAWebhook) {
  const auto owner = store_->create(tenant("aurora"));
  const WebhookRecord wanted{.id = {ids_.next()},
                             .tenant = owner->id,
                             .name = "pager",
                             .url = "https://hooks.example/x",
                             .events = {"limit.*", "rollout.started"},
                             .enabled = false,
                             .pepper_id = 3,
                             .secret = std::string("\0sealed", 7)};
  const auto created = store_->create(wanted);
  ASSERT_THAT(created, Succeeds());
  ASSERT_THAT(store_->create(WebhookRecord{.id = {ids_.next()}, .name = "pager"}), Succeeds())
      << "another owner's";
  reopen();
  const ControlData data = load();
  ASSERT_EQ(data.webhooks.size(), 2U);
  const bool first = data.webhooks[0].id == wanted.id;
  const WebhookRecord& kept = data.webhooks[first ? 0 : 1];
  EXPECT_EQ(kept.tenant, wanted.tenant);
  EXPECT_EQ(kept.name, wanted.name);
  EXPECT_EQ(kept.url, wanted.url);
  EXPECT_EQ(kept.events, wanted.events);
  EXPECT_EQ(kept.enabled, wanted.enabled);
  EXPECT_EQ(kept.pepper_id, wanted.pepper_id);
  EXPECT_EQ(kept.secret, wanted.secret);
  expect_same(kept.meta, created->meta);
  EXPECT_EQ(data.webhooks[first ? 1 : 0].tenant, std::nullopt);
}

TEST_P(WebhookSuite, AWebhookIsThereOnceAndGoesWithItsTenant) {
  const auto owner = store_->create(tenant("aurora"));
  const auto webhook = [&](std::optional<TenantId> of, const std::string& name) {
    return WebhookRecord{.id = {ids_.next()}, .tenant = of, .name = name};
  };
  const auto made = store_->create(webhook(owner->id, "pager"));
  ASSERT_THAT(made, Succeeds());
  EXPECT_THAT(store_->create(webhook(owner->id, "pager")), FailsWith(Code::conflict));
  EXPECT_THAT(store_->create(webhook(std::nullopt, "pager")), Succeeds());
  EXPECT_THAT(store_->create(webhook(std::nullopt, "pager")), FailsWith(Code::conflict));
  EXPECT_THAT(store_->create(webhook(TenantId{ids_.next()}, "pager")), FailsWith(Code::not_found));
  WebhookRecord changed = *made;
  changed.enabled = false;
  ASSERT_THAT(store_->update(changed), Succeeds());
  EXPECT_THAT(store_->update(changed), FailsWith(Code::precondition_failed));
  ASSERT_THAT(store_->remove(owner->id, 1), Succeeds());
  EXPECT_EQ(load().webhooks.size(), 1U);
  const WebhookRecord left = load().webhooks.at(0);
  EXPECT_THAT(store_->remove(left.id, 7), FailsWith(Code::precondition_failed));
  EXPECT_THAT(store_->remove(left.id, left.meta.revision), Succeeds());
  EXPECT_THAT(store_->remove(left.id, left.meta.revision), FailsWith(Code::not_found));
}

TEST_P(WebhookSuite, WebhooksAreBoundedForEachOwnerAndForAll) {
  const auto fill = [&](std::optional<TenantId> of, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i)
      ASSERT_THAT(store_->create(WebhookRecord{
                      .id = {ids_.next()}, .tenant = of, .name = "hook-" + std::to_string(i)}),
                  Succeeds());
  };
  const auto is_full = [&](std::optional<TenantId> of) {
    EXPECT_THAT(
        store_->create(WebhookRecord{.id = {ids_.next()}, .tenant = of, .name = "one-more"}),
        FailsWith(Code::conflict));
  };
  fill(std::nullopt, WebhookRecord::kPerOwnerMax);
  is_full(std::nullopt);
  for (std::size_t left = WebhookRecord::kMax - WebhookRecord::kPerOwnerMax; left > 0;) {
    const auto owner = store_->create(tenant("tenant-" + std::to_string(left)));
    const std::size_t count = std::min(left, WebhookRecord::kPerOwnerMax);
    fill(owner->id, count);
    if (count == WebhookRecord::kPerOwnerMax) is_full(owner->id);
    left -= count;
  }
  const auto late = store_->create(tenant("late"));
  is_full(late->id);
}

}  // namespace sovmesh::store

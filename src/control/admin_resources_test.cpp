#include "control/admin_resources.h"

#include <gtest/gtest.h>

namespace sovmesh::control {
namespace {

std::string_view place(const std::vector<std::string>& path) {
  const AdminResource* const found = find_admin_resource(path);
  return found == nullptr ? "" : found->path;
}

TEST(AdminResources, APathIsFoundWhole) {
  EXPECT_EQ(place({"tenants"}), "tenants");
  EXPECT_EQ(place({"tenants", "aurora"}), "tenants/{tenant}");
  EXPECT_EQ(place({"keys", "abc", "rotate"}), "keys/{key}/rotate");
  EXPECT_EQ(place({"models", "org/model"}), "models/{model}");  // it was percent-encoded
  for (const std::vector<std::string>& none :
       std::vector<std::vector<std::string>>{{},
                                             {""},
                                             {"tenant"},
                                             {"tenants", ""},
                                             {"tenants", "aurora", "more"},
                                             {"keys", "abc", "rotated"},
                                             {"audit"},
                                             {"audit", "entries", "1", "proofs"}})
    EXPECT_EQ(place(none), "") << testing::PrintToString(none);
}

TEST(AdminResources, AWordWinsOverAName) {
  EXPECT_EQ(place({"statements", "aurora", "adjustments"}), "statements/{tenant}/adjustments");
  EXPECT_EQ(place({"statements", "aurora", "2026-11"}), "statements/{tenant}/{month}");
}

TEST(AdminResources, NoPlaceHidesALaterOne) {
  for (const AdminResource& resource : admin_resources()) {
    std::vector<std::string> path(1);
    for (const char c : resource.path)
      c == '/' ? (void)path.emplace_back() : (void)(path.back() += c);
    EXPECT_EQ(place(path), resource.path);
  }
}

TEST(AdminResources, WhatCanBeReadAnswersHead) {
  EXPECT_EQ(find_admin_resource({"limits"})->allow(), "GET, HEAD, POST, PUT");
  EXPECT_EQ(find_admin_resource({"ledger", "verify"})->allow(), "POST");
  EXPECT_TRUE(find_admin_resource({"limits"})->has("PUT"));
  EXPECT_FALSE(find_admin_resource({"limits"})->has("PATCH"));
  EXPECT_FALSE(find_admin_resource({"limits"})->has(""));
}

}  // namespace
}  // namespace sovmesh::control

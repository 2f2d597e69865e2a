#include "identity/directory.h"

#include <gtest/gtest.h>

#include "tests/support/result_matchers.h"

namespace sovmesh::identity {
namespace {

Ulid ulid(unsigned char n) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = n;
  return Ulid::from_bytes(bytes);
}

tenancy::Tenant tenant(unsigned char n, const char* slug, std::vector<std::string> hosts) {
  tenancy::Tenant out{.id = {ulid(n)}, .slug = *TenantSlug::parse(slug)};
  out.hosts = std::move(hosts);
  return out;
}

TEST(Directory, FindsTenantsByIdSlugAndHost) {
  DirectoryData data;
  data.tenants = {tenant(1, "aurora", {"a.example"})};
  const auto directory = *Directory::build(std::move(data));
  const TenantEntry* entry = directory->tenant({ulid(1)});
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(directory->tenant_by_slug("aurora"), entry);
  EXPECT_EQ(directory->tenant_by_host("a.example"), entry);
  EXPECT_EQ(directory->tenant_by_host("b.example"), nullptr);
}

TEST(Directory, RefusesHostsClaimedTwice) {
  DirectoryData data;
  data.tenants = {tenant(1, "aurora", {"a.example"}), tenant(2, "borealis", {"a.example"})};
  EXPECT_THAT(Directory::build(std::move(data)), FailsWith(Code::conflict));
}

TEST(Directory, SaltsDifferByTenantAndAreStable) {
  const auto build = [] {
    DirectoryData data;
    data.tenants = {tenant(1, "aurora", {}), tenant(2, "borealis", {})};
    data.digest_keys[{ulid(1)}] = {.id = "k1", .key = Secret("one")};
    data.digest_keys[{ulid(2)}] = {.id = "k2", .key = Secret("two")};
    return *Directory::build(std::move(data));
  };
  const auto directory = build();
  const std::string& a = directory->tenant({ulid(1)})->cache_salt;
  EXPECT_EQ(a.size(), 32U);
  EXPECT_NE(a, directory->tenant({ulid(2)})->cache_salt);
  EXPECT_EQ(a, build()->tenant({ulid(1)})->cache_salt);
}

}  // namespace
}  // namespace sovmesh::identity

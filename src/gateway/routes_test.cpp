#include "gateway/routes.h"

#include <gtest/gtest.h>

namespace sovmesh::gateway {
namespace {

TEST(MatchRoute, KnowsEveryEndpoint) {
  EXPECT_EQ(match_route("POST", "/v1/chat/completions").endpoint, Endpoint::chat_completions);
  EXPECT_EQ(match_route("POST", "/v1/completions").endpoint, Endpoint::completions);
  EXPECT_EQ(match_route("POST", "/v1/embeddings").endpoint, Endpoint::embeddings);
  EXPECT_EQ(match_route("GET", "/v1/models").endpoint, Endpoint::models);
  EXPECT_EQ(match_route("GET", "/healthz").endpoint, Endpoint::healthz);
  EXPECT_EQ(match_route("GET", "/livez").endpoint, Endpoint::livez);
  EXPECT_EQ(match_route("GET", "/readyz").endpoint, Endpoint::readyz);
}

TEST(MatchRoute, KeepsSlashesInAModelId) {
  const Route route = match_route("GET", "/v1/models/org/model-7b");
  EXPECT_EQ(route.endpoint, Endpoint::model);
  EXPECT_EQ(route.object_id, "org/model-7b");
}

TEST(MatchRoute, FindsTheIdOfARequest) {
  const Route route = match_route("GET", "/v1/requests/req_0");
  EXPECT_EQ(route.endpoint, Endpoint::request);
  EXPECT_EQ(route.object_id, "req_0");
  EXPECT_EQ(match_route("GET", "/v1/requests/").endpoint, Endpoint::unmatched);
}

TEST(MatchRoute, TakesTheTenantFromThePath) {
  const Route route = match_route("POST", "/t/aurora/v1/chat/completions");
  EXPECT_EQ(route.endpoint, Endpoint::chat_completions);
  EXPECT_EQ(route.path_tenant, "aurora");
}

TEST(MatchRoute, CollapsesEverythingElse) {
  for (const char* path : {"/", "/v1", "/v1/", "/v1/foo", "/v2/models", "/v1/models/", "/t/aurora",
                           "/t/aurora/healthz", "//v1/models", "/v1/chat/completions/"}) {
    EXPECT_EQ(match_route("GET", path).endpoint, Endpoint::unmatched) << path;
  }
}

TEST(MatchRoute, SaysWhenTheMethodDoesNotFit) {
  EXPECT_FALSE(match_route("GET", "/v1/chat/completions").method_allowed);
  EXPECT_FALSE(match_route("POST", "/v1/models").method_allowed);
  EXPECT_TRUE(match_route("DELETE", "/v1/nothing").method_allowed);
}

}  // namespace
}  // namespace sovmesh::gateway

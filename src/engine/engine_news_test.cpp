#include "engine/engine_news.h"

#include <gtest/gtest.h>

namespace sovmesh::engine {
namespace {

Status status(State state, std::string reason = {}) {
  Status status;
  status.state = state;
  status.reason = std::move(reason);
  return status;
}

TEST(EngineNews, TheSameIsToldOnce) {
  EngineNews news;
  const Status loading = status(State::starting, "loading the model");
  EXPECT_TRUE(news.is_news("tiny", loading));
  EXPECT_FALSE(news.is_news("tiny", loading));
  EXPECT_TRUE(news.is_news("other", loading));
  EXPECT_TRUE(news.is_news("tiny", status(State::starting, "warming up")));
  EXPECT_TRUE(news.is_news("tiny", status(State::ready)));
  EXPECT_TRUE(news.is_news("tiny", loading)) << "it began anew";
}

TEST(EngineNews, OutOfServiceIsNotJustStopped) {
  EngineNews news;
  Status stopped = status(State::stopped);
  EXPECT_TRUE(news.is_news("tiny", stopped));
  stopped.is_out_of_service = true;
  EXPECT_TRUE(news.is_news("tiny", stopped));
}

TEST(EngineNews, AnotherEngineOfTheNameIsTold) {
  EngineNews news;
  EXPECT_TRUE(news.is_news("far", status(State::ready)));
  news.forget("far");
  EXPECT_TRUE(news.is_news("far", status(State::ready)));
}

}  // namespace
}  // namespace sovmesh::engine

#include "observe/metrics.h"

#include <gtest/gtest.h>

namespace sovmesh::observe {
namespace {

TEST(Registry, RendersPrometheusText) {
  Registry registry;
  registry.counters("a_total", "Things.", {"kind"}).with({"x\"y"}).add(3);
  registry.gauges("b", "Level.", {}).with({}).set(1.5);
  auto& histogram = registry.histograms("c_seconds", "Times.", {}, {0.1, 1}).with({});
  histogram.observe(0.1);
  histogram.observe(0.5);
  histogram.observe(7);
  EXPECT_EQ(registry.render(),
            "# HELP a_total Things.\n# TYPE a_total counter\na_total{kind=\"x\\\"y\"} 3\n"
            "# HELP b Level.\n# TYPE b gauge\nb 1.5\n"
            "# HELP c_seconds Times.\n# TYPE c_seconds histogram\n"
            "c_seconds_bucket{le=\"0.1\"} 1\nc_seconds_bucket{le=\"1\"} 2\n"
            "c_seconds_bucket{le=\"+Inf\"} 3\nc_seconds_sum 7.6\nc_seconds_count 3\n");
}

TEST(Family, SameLabelsAreTheSameSeries) {
  Registry registry;
  auto& family = registry.counters("a_total", "", {"x", "y"});
  EXPECT_EQ(&family.with({"1", "2"}), &family.with({"1", "2"}));
  EXPECT_NE(&family.with({"1", "2"}), &family.with({"2", "1"}));
}

TEST(Family, LaterCombinationsShareOneSeries) {
  Registry registry;
  auto& family = registry.counters("a_total", "", {"x"}, 3);
  family.with({"1"}).add();
  family.with({"2"}).add();
  for (const char* value : {"3", "4", "5"})
    family.with({value}).add();
  const std::string page = registry.render();
  EXPECT_NE(page.find("a_total{x=\"other\"} 3"), std::string::npos) << page;
  EXPECT_EQ(page.find("x=\"4\""), std::string::npos);
}

TEST(Family, OnlyOneSeriesIsLeft) {
  Registry registry;
  auto& family = registry.gauges("info", "", {"revision"}, 3);
  for (const char* revision : {"1", "2", "3", "4", "3"})
    family.only({revision}).set(1);
  EXPECT_EQ(registry.render(), "# HELP info \n# TYPE info gauge\ninfo{revision=\"3\"} 1\n");
}

TEST(Family, WhatIsForgottenMakesRoom) {
  Registry registry;
  auto& family = registry.counters("c", "", {"route", "outcome"}, 4);
  for (const char* route : {"a", "b"})
    for (const char* outcome : {"x", "y"})
      family.with({route, outcome}).add();
  EXPECT_NE(registry.render().find("c{route=\"other\",outcome=\"other\"} 1\n"), std::string::npos);
  family.forget({"a"});
  family.forget({"other", "other"});
  family.with({"d", "x"}).add(2);
  EXPECT_EQ(registry.render(),
            "# HELP c \n# TYPE c counter\nc{route=\"b\",outcome=\"x\"} 1\n"
            "c{route=\"d\",outcome=\"x\"} 2\n");
}

TEST(Registry, ShowsASumThatOthersKeepAsACounter) {
  Registry registry;
  registry.totals("a_seconds", "Time.", {"x"}).with({"y"}).set(1.25);
  EXPECT_EQ(registry.render(),
            "# HELP a_seconds Time.\n# TYPE a_seconds counter\na_seconds{x=\"y\"} 1.25\n");
}

TEST(Registry, UpdatesGaugesBeforeRendering) {
  Registry registry;
  auto& gauge = registry.gauges("g", "", {}).with({});
  registry.on_render([&gauge] { gauge.set(4); });
  EXPECT_NE(registry.render().find("g 4\n"), std::string::npos);
}

}  // namespace
}  // namespace sovmesh::observe

#include "control/live.h"

#include <fmt/format.h>

#include "control/json_text.h"

namespace sovmesh::control {
namespace {

std::string decimal(double value) { return fmt::format("{:.3f}", value); }
std::string decimal_or_null(const std::optional<double>& value) {
  return value ? decimal(*value) : "null";
}

void add_figures(JsonText& json, const LiveFigures& figures) {
  json.raw("requests_per_s", decimal(figures.requests_per_s))
      .raw("output_tokens_per_s", decimal(figures.output_tokens_per_s))
      .raw("errors_per_s", decimal(figures.errors_per_s))
      .raw("ttft_ms", JsonText()
                          .raw("p50", decimal_or_null(figures.first_token_p50_ms))
                          .raw("p95", decimal_or_null(figures.first_token_p95_ms))
                          .end())
      .number("running", figures.running)
      .number("waiting", figures.waiting);
}

JsonText& add_count(JsonText& json, std::string_view name,
                    const std::optional<std::int64_t>& count) {
  return count ? json.number(name, *count) : json.null(name);
}

std::string engine_json(const LiveView::Engine& engine) {
  JsonText json;
  json.text("name", std::string_view(engine.name)).text("state", std::string_view(engine.state));
  engine.condition.empty() ? json.null("condition")
                           : json.text("condition", std::string_view(engine.condition));
  add_count(json, "running", engine.running);
  add_count(json, "waiting", engine.waiting);
  return json.number("slots", engine.slots).end();
}

std::string pool_json(const LiveView::Pool& pool) {
  return JsonText()
      .text("name", std::string_view(pool.name))
      .raw("used", decimal(pool.used))
      .raw("borrowed", decimal(pool.borrowed))
      .number("running", pool.running)
      .number("waiting", pool.waiting)
      .end();
}

std::string tenant_json(const LiveView::Tenant& tenant) {
  JsonText json;
  json.text("tenant", std::string_view(tenant.slug));
  add_figures(json, tenant.figures);
  return json.raw("borrowed", decimal(tenant.borrowed)).raw("lent", decimal(tenant.lent)).end();
}

template <class Things>
std::string list_json(const Things& things, auto show) {
  std::vector<std::string> shown;
  for (const auto& one : things)
    shown.push_back(show(one));
  return json_list(shown);
}

}  // namespace

std::string live_json(const LiveView& view, bool has_engines, bool has_pools) {
  JsonText json;
  json.time("at", view.at).number("window_s", view.window_s);
  add_figures(json, view.all);
  if (has_engines) json.raw("engines", list_json(view.engines, engine_json));
  if (has_pools) json.raw("pools", list_json(view.pools, pool_json));
  return json.raw("tenants", list_json(view.tenants, tenant_json)).end();
}

}  // namespace sovmesh::control

#include <fmt/format.h>

#include <numeric>

#include "catalog/route_choice.h"

namespace sovmesh::catalog {
namespace {

std::string_view whose(StickyBy by) {
  switch (by) {
    case StickyBy::session:
      return "conversation";
    case StickyBy::user:
      return "user";
    case StickyBy::tenant:
      return "tenant";
  }
  return "";
}

}  // namespace

std::string reason(const Route& route, const Choice& choice) {
  switch (choice.rule) {
    case Rule::grey_channel:
      return (choice.by_label ? "its key has the label of the channel "
                              : "it asked for the channel ") +
             route.grey->name;
    case Rule::condition:
      return fmt::format("it fits the condition {}", route.conditions[choice.condition].name);
    case Rule::weight:
      return fmt::format("all requests of its {} go there", whose(choice.stuck_by));
  }
  return "";
}

std::string tenant_text(const Route& route, const Choice& choice) {
  return fmt::format("{} sent this request to its version {}: {}.\n", route.name.text(),
                     route.versions[choice.version].model.text(), reason(route, choice));
}

std::string operator_text(const Route& route, const Choice& choice, const MayUse& may_use,
                          const Shift* shift) {
  std::string text = tenant_text(route, choice);
  const auto weights = effective_weights(route, shift);
  const auto sum = std::accumulate(weights.begin(), weights.end(), std::int64_t{0});
  for (std::size_t i = 0; i < route.versions.size(); ++i) {
    const RouteVersion& version = route.versions[i];
    text += fmt::format("  {} {:<10} {:6.2f} %  {}{}", i == choice.version ? '>' : ' ',
                        name(version.stage),
                        static_cast<double>(weights[i]) * 100 / static_cast<double>(sum),
                        version.model.text(), may_use(version.model) ? "" : "  not permitted");
    if (shift && shift->version == version.model) text += "  in a rollout";
    text += '\n';
  }
  return text;
}

}  // namespace sovmesh::catalog

#include <fmt/format.h>

#include <algorithm>

#include "base/decimal.h"
#include "base/time_text.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/json_text.h"

// The prices of the configuration in force, as the admin API shows them.
namespace sovmesh::control {
namespace {

using PricePtr = std::shared_ptr<const metering::Price>;

constexpr int kCents = 2;

// Thousandths, as nanoseconds of microseconds.
std::string milli_text(std::int64_t milli) { return micro_text(milli * 1'000); }

void add_gse(JsonText& json, const metering::PriceTerms& terms) {
  if (terms.prompt_ns == 0 && terms.cached_ns == 0 && terms.output_ns == 0) {
    json.null("gse");
    return;
  }
  json.raw("gse", JsonText()
                      .text("prompt_us", std::string_view(milli_text(terms.prompt_ns)))
                      .text("cached_us", std::string_view(milli_text(terms.cached_ns)))
                      .text("output_us", std::string_view(milli_text(terms.output_ns)))
                      .end());
}

void add_energy(JsonText& json, const metering::PriceTerms& terms) {
  if (terms.milliwatts == 0) {
    json.null("energy");
    return;
  }
  json.raw("energy", JsonText()
                         .text("watts", std::string_view(milli_text(terms.milliwatts)))
                         .text("pue", std::string_view(milli_text(terms.pue_milli)))
                         .number("g_co2e_per_kwh", terms.co2_g_per_kwh)
                         .end());
}

// Money as text: exact, whatever reads it.
std::string price_json(const metering::Price& price, bool in_force) {
  const metering::PriceTerms& terms = price.terms();
  JsonText json;
  json.text("id", std::string_view(price.id()))
      .text("model", std::string_view(terms.model))
      .text("currency", std::string_view(terms.currency))
      .text("label", std::string_view(terms.label));
  terms.effective_from == WallTime{} ? json.null("from") : json.time("from", terms.effective_from);
  json.flag("in_force", in_force);
  const auto rate = [&](std::string_view name, std::int64_t micro) {
    json.text(name, std::string_view(micro_text(micro, kCents)));
  };
  rate("per_call", terms.call);
  rate("input", terms.input);
  rate("cached_input", terms.cached_input);
  rate("output", terms.output);
  rate("characters", terms.characters);
  rate("concurrency_hour", terms.concurrency_hour);
  rate("gpu_second", terms.gpu_second);
  add_gse(json, terms);
  add_energy(json, terms);
  return json.end();
}

// Sorts as the book does: by model, currency and time.
std::string place_of(const PricePtr& price) {
  return fmt::format("{} {} {}", price->model(), price->currency(),
                     to_rfc3339(price->terms().effective_from));
}

}  // namespace

Result<AdminReply> AdminApi::prices(Request& request) {
  const auto book = parts_.publisher.prices().get();
  const WallTime now = parts_.clock.wall_now();
  const auto show = [&](const PricePtr& price) {
    return price_json(*price, book->find(price->model(), price->currency(), now) == price);
  };
  if (request.path.size() == 2) {
    TRY_VOID(request.no_more_query());
    const auto found = std::ranges::find_if(
        book->all(), [&](const PricePtr& price) { return price->id() == request.path[1]; });
    if (found == book->all().end())
      return client_error(Code::not_found, "no price in force or to come has this id");
    return AdminReply{.body = show(*found)};
  }
  std::vector<PricePtr> wanted = book->all();
  if (const auto model = request.take("model"))
    std::erase_if(wanted, [&](const PricePtr& price) { return price->model() != *model; });
  return page<PricePtr>(request, wanted, place_of, show);
}

}  // namespace sovmesh::control

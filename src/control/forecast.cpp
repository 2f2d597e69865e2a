#include "control/forecast.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/csv.h"
#include "base/local_date.h"
#include "control/json_text.h"
#include "control/report_text.h"

namespace sovmesh::control {
namespace {

constexpr std::size_t kWeek = 7;
// Two-sided 95 % of Student's t at three degrees of freedom, what four weeks of one weekday give.
constexpr double kWidth = 3.18;

struct Weekday {
  double mean = 0;
  double variance = 0;  // of one more such day, the doubt about the mean included
};

// The days of the history that are the same weekday as the one `ahead` days after today.
Weekday weekday_of(const std::vector<std::int64_t>& history, std::size_t ahead) {
  double sum = 0;
  double squares = 0;
  double count = 0;
  for (std::size_t back = 1; back <= history.size(); ++back) {
    if ((back + ahead) % kWeek != 0) continue;
    const auto value = static_cast<double>(history[history.size() - back]);
    sum += value;
    squares += value * value;
    count += 1;
  }
  Weekday out{.mean = sum / count};
  if (count < 2) return out;
  const double spread = std::max(0.0, (squares - sum * sum / count) / (count - 1));
  out.variance = spread * (1 + 1 / count);
  return out;
}

std::int64_t rounded(double value) {
  constexpr double kMost = 9e18;
  return std::llround(std::clamp(value, -kMost, kMost));
}

}  // namespace

std::optional<Projection> project(const ForecastDays& days) {
  if (days.history.size() < ForecastDays::kHistoryMin) return std::nullopt;
  const auto done = static_cast<double>(days.so_far);
  double expected = done;
  double variance = 0;
  for (std::size_t ahead = 0; ahead < days.days_left; ++ahead) {
    const Weekday day = weekday_of(days.history, ahead);
    // Of today only what is still to come.
    const double to_come =
        ahead > 0 ? day.mean : std::max(0.0, day.mean - static_cast<double>(days.today));
    expected += to_come;
    variance += day.variance;
  }
  const double half = kWidth * std::sqrt(variance);
  return Projection{.so_far = days.so_far,
                    .expected = rounded(expected),
                    .low = rounded(std::max(done, expected - half)),
                    .high = rounded(expected + half)};
}

namespace {

// Sums by day, oldest first; the last one is today.
struct Series {
  std::vector<std::int64_t> values;
  explicit Series(std::size_t days = 0) : values(days) {}
};

class Projector {
 public:
  Projector(TimeZone zone, WallTime now) : zone_(zone), now_(now) {
    const TimeZone::Period month = zone_.month(now);
    WallTime day = zone_.day(now).begin;
    for (std::size_t i = 0; i < ForecastDays::kHistoryMax; ++i)
      day = zone_.day(day - std::chrono::microseconds(1)).begin;
    // All of the month, which may have begun before the history.
    WallTime at = std::min(day, month.begin);
    while (at <= now) {
      edges_.push_back(at);
      at = zone_.day(at).end;
    }
    edges_.push_back(at);
    for (; at < month.end; at = zone_.day(at).end)
      ++days_left_;
    ++days_left_;  // today
  }

  const std::vector<WallTime>& edges() const { return edges_; }
  std::size_t days() const { return edges_.size() - 1; }
  std::size_t days_left() const { return days_left_; }

  // `first`: the place of the first day with any usage.
  ForecastDays days_of(const std::vector<std::int64_t>& values, std::size_t first) const {
    ForecastDays out{.today = values.back(), .days_left = days_left_};
    const std::size_t today = values.size() - 1;
    const std::size_t begin = std::max(first, today - std::min(today, ForecastDays::kHistoryMax));
    for (std::size_t i = begin; i < today; ++i)
      out.history.push_back(values[i]);
    const WallTime month = zone_.month(now_).begin;
    for (std::size_t i = 0; i < values.size(); ++i)
      out.so_far += edges_[i] >= month ? values[i] : 0;
    return out;
  }

 private:
  TimeZone zone_;
  WallTime now_;
  std::vector<WallTime> edges_;
  std::size_t days_left_ = 0;
};

}  // namespace

Result<Forecast> read_forecast(store::Ledger& ledger, const store::ControlData& data,
                               const std::string& tenant, WallTime now) {
  store::UsageQuery query;
  TRY(query.tenant, tenant_of_report(data, tenant));
  const TimeZone zone = zone_of(data, query.tenant);
  const Projector projector(zone, now);
  query.edges = projector.edges();
  TRY(const std::vector<store::UsageSum> sums, ledger.sum(query));
  std::vector<std::int64_t> requests(projector.days());
  std::vector<std::int64_t> tokens(projector.days());
  std::map<std::string, std::vector<std::int64_t>> costs;
  std::size_t first = projector.days() - 1;
  for (const store::UsageSum& sum : sums) {
    requests[sum.interval] += sum.requests;
    tokens[sum.interval] += sum.tokens();
    auto& cost = costs[sum.currency];
    cost.resize(projector.days());
    cost[sum.interval] += sum.cost_micro;
    if (sum.requests > 0) first = std::min(first, sum.interval);
  }
  Forecast out{.tenant = tenant,
               .month = month_text(zone, now),
               .time_zone = std::string(zone.name()),
               .days_left = projector.days_left()};
  const ForecastDays of_requests = projector.days_of(requests, first);
  const ForecastDays of_tokens = projector.days_of(tokens, first);
  out.history_days = of_requests.history.size();
  out.requests = project(of_requests);
  out.tokens = project(of_tokens);
  out.requests_so_far = of_requests.so_far;
  out.tokens_so_far = of_tokens.so_far;
  for (const auto& [currency, cost] : costs) {
    const ForecastDays of_cost = projector.days_of(cost, first);
    out.costs.push_back({currency, of_cost.so_far, project(of_cost)});
  }
  return out;
}

namespace {

struct Figure {
  std::string name;
  std::string currency;  // of money; else empty
  std::int64_t so_far = 0;
  std::optional<Projection> projection;
  std::string shown(std::int64_t value) const {
    return name == "cost" ? money_text(value) : std::to_string(value);
  }
};

std::vector<Figure> figures_of(const Forecast& forecast) {
  std::vector<Figure> out{{"requests", "", forecast.requests_so_far, forecast.requests},
                          {"tokens", "", forecast.tokens_so_far, forecast.tokens}};
  for (const Forecast::Cost& cost : forecast.costs) {
    if (!cost.currency.empty() || cost.so_far != 0)
      out.push_back({"cost", cost.currency, cost.so_far, cost.projection});
  }
  return out;
}

}  // namespace

std::string forecast_json(const Forecast& forecast) {
  std::vector<std::string> figures;
  for (const Figure& figure : figures_of(forecast)) {
    JsonText json;
    json.text("figure", std::string_view(figure.name));
    if (figure.name == "cost") json.text("currency", std::string_view(figure.currency));
    const auto add = [&](std::string_view name, std::int64_t value) {
      figure.name == "cost" ? json.text(name, std::string_view(money_text(value)))
                            : json.number(name, value);
    };
    add("so_far", figure.so_far);
    if (figure.projection) {
      add("expected", figure.projection->expected);
      add("low", figure.projection->low);
      add("high", figure.projection->high);
    } else {
      json.null("expected").null("low").null("high");
    }
    figures.push_back(json.end());
  }
  return JsonText()
      .text("tenant", std::string_view(forecast.tenant))
      .text("month", std::string_view(forecast.month))
      .text("time_zone", std::string_view(forecast.time_zone))
      .number("history_days", static_cast<std::int64_t>(forecast.history_days))
      .number("days_left", static_cast<std::int64_t>(forecast.days_left))
      .flag("too_little_data", forecast.has_too_little_data())
      .text("method", "mean of the same weekdays of the last 4 weeks, range of about 95 %")
      .raw("data", json_list(figures))
      .end();
}

std::string forecast_csv(const Forecast& forecast) {
  CsvWriter csv;
  for (const std::string_view name : {"tenant", "month", "figure", "currency", "so_far", "expected",
                                      "low", "high", "history_days", "too_little_data"})
    csv.plain(name);
  csv.end_line();
  for (const Figure& figure : figures_of(forecast)) {
    csv.text(forecast.tenant).plain(forecast.month).plain(figure.name).text(figure.currency);
    csv.plain(figure.shown(figure.so_far));
    const auto& projection = figure.projection;
    csv.plain(projection ? figure.shown(projection->expected) : "");
    csv.plain(projection ? figure.shown(projection->low) : "");
    csv.plain(projection ? figure.shown(projection->high) : "");
    csv.number(static_cast<std::int64_t>(forecast.history_days));
    csv.plain(forecast.has_too_little_data() ? "true" : "false");
    csv.end_line();
  }
  return csv.take();
}

std::string forecast_text(const Forecast& forecast) {
  TextTable table({{"figure"},
                   {"so far", true},
                   {"expected", true},
                   {"low", true},
                   {"high", true},
                   {"currency"}});
  for (const Figure& figure : figures_of(forecast)) {
    const auto& projection = figure.projection;
    table.add({figure.name, figure.shown(figure.so_far),
               projection ? figure.shown(projection->expected) : "",
               projection ? figure.shown(projection->low) : "",
               projection ? figure.shown(projection->high) : "", figure.currency});
  }
  std::string out = fmt::format("{} at the end of {} ({}):\n\n", printable(forecast.tenant),
                                forecast.month, forecast.time_zone);
  out += table.text() + '\n';
  if (forecast.has_too_little_data()) {
    return out +
           fmt::format("Too little data for a forecast: {} whole days of usage, it takes {}.\n",
                       forecast.history_days, ForecastDays::kHistoryMin);
  }
  return out + fmt::format(
                   "From the same weekdays of the last {} days; {} days are left, today "
                   "included. The range holds in about 95 of 100 months, if the days to "
                   "come are like those.\n",
                   forecast.history_days, forecast.days_left);
}

}  // namespace sovmesh::control

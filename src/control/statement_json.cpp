#include <nlohmann/json.hpp>

#include <array>

#include "base/time_text.h"
#include "control/json_text.h"
#include "control/report_text.h"
#include "control/statement.h"

namespace sovmesh::control {
namespace {

using metering::Totals;
using nlohmann::json;

// The sums of a line, by their names in the document. New ones go to the end.
struct SumField {
  const char* name;
  std::int64_t Totals::* value;
};
constexpr std::array kSumFields{SumField{"requests", &Totals::requests},
                                SumField{"prompt_tokens", &Totals::prompt},
                                SumField{"cached_tokens", &Totals::cached},
                                SumField{"generated_tokens", &Totals::generated},
                                SumField{"reasoning_tokens", &Totals::reasoning},
                                SumField{"delivered_tokens", &Totals::delivered},
                                SumField{"characters", &Totals::characters},
                                SumField{"open_us", &Totals::open_us},
                                SumField{"gse_us", &Totals::gse_us},
                                SumField{"energy_mj", &Totals::energy_mj},
                                SumField{"co2_ug", &Totals::co2_ug},
                                SumField{"unpriced", &Totals::unpriced},
                                SumField{"drifted", &Totals::drifted},
                                SumField{"recovered", &Totals::recovered},
                                SumField{"cost_micro", &Totals::cost_micro}};

std::string line_json(const StatementLine& line) {
  JsonText out;
  out.text("project", std::string_view(line.project))
      .text("project_id", std::string_view(line.project_id))
      .text("cost_centre", std::string_view(line.cost_centre))
      .text("model", std::string_view(line.model))
      .text("price", std::string_view(line.price))
      .text("currency", std::string_view(line.currency));
  for (const SumField& field : kSumFields)
    out.number(field.name, line.sums.*field.value);
  return out.end();
}

std::string adjustment_json(const Adjustment& one) {
  return JsonText()
      .text("id", std::string_view(one.id))
      .text("month", std::string_view(one.month))
      .time("at", one.at)
      .number("amount_micro", one.amount_micro)
      .text("currency", std::string_view(one.currency))
      .text("reason", std::string_view(one.reason))
      .end();
}

template <class T, class F>
std::string list_of(const std::vector<T>& all, F show) {
  std::vector<std::string> shown;
  for (const T& one : all)
    shown.push_back(show(one));
  return json_list(shown);
}

std::string totals_json(const Statement& statement) {
  std::vector<std::string> out;
  for (const auto& [currency, total] : statement.totals()) {
    out.push_back(JsonText()
                      .text("currency", std::string_view(currency))
                      .number("usage_micro", total.usage_micro)
                      .number("adjustments_micro", total.adjustments_micro)
                      .number("due_micro", total.due_micro())
                      .text("due", std::string_view(money_text(total.due_micro())))
                      .end());
  }
  return json_list(out);
}

// Reads members of an object of ours; remembers whether something was not as we write it.
class Members {
 public:
  Members(const json& object, bool& fine) : object_(object), fine_(fine) {
    fine_ = fine_ && object_.is_object();
  }
  std::string text(const char* name) {
    const json* value = find(name);
    if (value != nullptr && value->is_string()) return value->get<std::string>();
    fine_ = false;
    return {};
  }
  std::int64_t number(const char* name) {
    const json* value = find(name);
    if (value != nullptr && value->is_number_integer()) return value->get<std::int64_t>();
    fine_ = false;
    return 0;
  }
  bool flag(const char* name) {
    const json* value = find(name);
    if (value != nullptr && value->is_boolean()) return value->get<bool>();
    fine_ = false;
    return false;
  }
  WallTime time(const char* name) {
    const auto time = parse_rfc3339(text(name));
    if (time) return *time;
    fine_ = false;
    return {};
  }
  template <class F>
  void each(const char* name, F use) {
    const json* value = find(name);
    fine_ = fine_ && value != nullptr && value->is_array();
    if (!fine_) return;
    for (const json& one : *value)
      use(Members(one, fine_));
  }

 private:
  const json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }
  const json& object_;
  bool& fine_;
};

StatementLine read_line(Members in) {
  StatementLine line{.project = in.text("project"),
                     .project_id = in.text("project_id"),
                     .cost_centre = in.text("cost_centre"),
                     .model = in.text("model"),
                     .price = in.text("price"),
                     .currency = in.text("currency"),
                     .sums = {}};
  for (const SumField& field : kSumFields)
    line.sums.*field.value = in.number(field.name);
  return line;
}

Adjustment read_adjustment(Members in) {
  return {.id = in.text("id"),
          .month = in.text("month"),
          .at = in.time("at"),
          .amount_micro = in.number("amount_micro"),
          .currency = in.text("currency"),
          .reason = in.text("reason")};
}

std::unexpected<Error> unreadable() {
  return our_error(Code::data_dir_invalid, "a stored statement or adjustment cannot be read");
}

}  // namespace

std::map<std::string, Statement::Total> Statement::totals() const {
  std::map<std::string, Total> out;
  for (const StatementLine& line : lines)
    out[line.currency].usage_micro += line.sums.cost_micro;
  for (const Adjustment& adjustment : adjustments)
    out[adjustment.currency].adjustments_micro += adjustment.amount_micro;
  return out;
}

Totals Statement::sums() const {
  Totals out;
  for (const StatementLine& line : lines)
    out += line.sums;
  return out;
}

std::string statement_json(const Statement& it) {
  const Totals sums = it.sums();
  JsonText out;
  out.text("format", "sovmesh statement 1")
      .text("tenant", std::string_view(it.tenant))
      .text("tenant_id", std::string_view(it.tenant_id))
      .text("tenant_name", std::string_view(it.tenant_name))
      .text("month", std::string_view(it.month))
      .text("time_zone", std::string_view(it.time_zone))
      .time("from", it.from)
      .time("until", it.until)
      .flag("preliminary", it.preliminary)
      .time("generated_at", it.generated_at)
      .number("first_seq", it.first_seq)
      .number("last_seq", it.last_seq)
      .number("requests", sums.requests)
      .number("recovered", sums.recovered)
      .number("unpriced", sums.unpriced)
      .raw("totals", totals_json(it))
      .raw("lines", list_of(it.lines, line_json))
      .raw("adjustments", list_of(it.adjustments, adjustment_json))
      .raw("prices", list_of(it.prices,
                             [](const Statement::PriceText& price) {
                               return JsonText()
                                   .text("id", std::string_view(price.id))
                                   .text("terms", std::string_view(price.text))
                                   .end();
                             }))
      .text("audit_checkpoint", std::string_view(it.audit_checkpoint))
      .text("previous_month", std::string_view(it.previous_month))
      .text("previous_sha256", std::string_view(it.previous_sha256));
  return out.end();
}

Result<Statement> parse_statement(std::string_view text) {
  const json parsed = json::parse(text, nullptr, false);
  bool fine = !parsed.is_discarded();
  Members in(parsed, fine);
  if (in.text("format") != "sovmesh statement 1") return unreadable();
  Statement out;
  out.tenant = in.text("tenant");
  out.tenant_id = in.text("tenant_id");
  out.tenant_name = in.text("tenant_name");
  out.month = in.text("month");
  out.time_zone = in.text("time_zone");
  out.from = in.time("from");
  out.until = in.time("until");
  out.preliminary = in.flag("preliminary");
  out.generated_at = in.time("generated_at");
  out.first_seq = in.number("first_seq");
  out.last_seq = in.number("last_seq");
  in.each("lines", [&](Members one) { out.lines.push_back(read_line(one)); });
  in.each("adjustments", [&](Members one) { out.adjustments.push_back(read_adjustment(one)); });
  in.each("prices",
          [&](Members one) { out.prices.push_back({one.text("id"), one.text("terms")}); });
  out.audit_checkpoint = in.text("audit_checkpoint");
  out.previous_month = in.text("previous_month");
  out.previous_sha256 = in.text("previous_sha256");
  // Byte for byte: totals that do not follow from the lines are as bad as a broken file.
  if (!fine || statement_json(out) != text) return unreadable();
  return out;
}

std::string adjustments_json(const std::vector<Adjustment>& adjustments) {
  return JsonText().raw("adjustments", list_of(adjustments, adjustment_json)).end();
}

Result<std::vector<Adjustment>> parse_adjustments(std::string_view text) {
  const json parsed = json::parse(text, nullptr, false);
  bool fine = !parsed.is_discarded();
  std::vector<Adjustment> out;
  Members(parsed, fine).each("adjustments", [&](Members one) {
    out.push_back(read_adjustment(one));
  });
  if (!fine) return unreadable();
  return out;
}

}  // namespace sovmesh::control

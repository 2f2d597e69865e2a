#include "control/verify_text.h"

#include <fmt/format.h>

#include "control/json_text.h"
#include "control/report_text.h"

namespace sovmesh::control {
namespace {

std::string drift_json(const store::SubjectDrift& drift) {
  return JsonText()
      .text("where", std::string_view(drift.where))
      .text("tenant_id", drift.tenant.value.text())
      .text("project_id", drift.project.value.text())
      .text("key", std::string_view(drift.key))
      .text("model", std::string_view(drift.model))
      .text("user", std::string_view(drift.user))
      .text("currency", std::string_view(drift.currency))
      .number("requests", drift.requests)
      .number("tokens", drift.tokens)
      .number("cost_micro", drift.cost_micro)
      .end();
}

}  // namespace

std::string_view is_clean_text() { return "The ledger adds up: drift 0 tokens, 0 money."; }

std::string verify_json(const store::VerifyReport& report) {
  std::vector<std::string> drifts;
  for (const store::SubjectDrift& drift : report.drifts)
    drifts.push_back(drift_json(drift));
  return JsonText()
      .flag("clean", report.clean())
      .number("rows", report.rows)
      .number("first_seq", report.first_seq)
      .number("last_seq", report.last_seq)
      .number("partitions", report.partitions)
      .number("subjects", report.subjects)
      .number("sums", report.sums)
      .number("requests", report.totals.requests)
      .number("tokens", report.totals.tokens())
      .number("drift_tokens", report.drift_tokens)
      .number("drift_micro", report.drift_micro)
      .number("rollup_drifts", report.rollup_drifts)
      .number("mispriced", report.mispriced)
      .number("mispriced_micro", report.mispriced_micro)
      .number("broken_rows", report.broken_rows)
      .raw("drifts", json_list(drifts))
      .end();
}

std::string verify_text(const store::VerifyReport& report) {
  std::string out = fmt::format(
      "{} rows (seq {} to {}) in {} days, {} subjects, {} balances and roll-ups compared.\n",
      report.rows, report.first_seq, report.last_seq, report.partitions, report.subjects,
      report.sums);
  if (report.clean()) return out + std::string(is_clean_text()) + '\n';
  out += "THE LEDGER DOES NOT ADD UP.\n";
  const auto say = [&](std::string_view what, std::int64_t number) {
    if (number != 0) out += fmt::format("  {:<46}{}\n", what, number);
  };
  say("tokens that balances say too much or too little", report.drift_tokens);
  say("micro-units of money, the same", report.drift_micro);
  say("roll-ups that differ", report.rollup_drifts);
  say("rows whose charge is not their price's", report.mispriced);
  say("micro-units of money, in these", report.mispriced_micro);
  say("rows in a wrong place", report.broken_rows);
  if (report.drifts.empty()) return out;
  TextTable table({{"where"},
                   {"tenant"},
                   {"key"},
                   {"model"},
                   {"user"},
                   {"requests", true},
                   {"tokens", true},
                   {"cost", true},
                   {"currency"}});
  for (const store::SubjectDrift& drift : report.drifts)
    table.add({drift.where, drift.tenant.value.text(), drift.key, drift.model, drift.user,
               std::to_string(drift.requests), std::to_string(drift.tokens),
               money_text(drift.cost_micro), drift.currency});
  out += "\n" + table.text();
  if (report.drifts.size() == store::VerifyReport::kDriftsMax)
    out += "(and perhaps more: the list is cut off here)\n";
  return out;
}

}  // namespace sovmesh::control

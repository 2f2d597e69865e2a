#include <fmt/format.h>

#include <algorithm>

#include "base/csv.h"
#include "base/time_text.h"
#include "control/report_text.h"
#include "control/statement.h"

namespace sovmesh::control {
namespace {

std::string amount(std::int64_t micro, std::string_view currency) {
  return fmt::format("{} {}", money_text(micro), currency.empty() ? "(unpriced)" : currency);
}

std::string usage_table(const Statement& it) {
  TextTable table({{"project"},
                   {"cost centre"},
                   {"model"},
                   {"price"},
                   {"requests", true},
                   {"input", true},
                   {"cached", true},
                   {"output", true},
                   {"gse_seconds", true},
                   {"cost", true},
                   {"currency"}});
  const auto cells = [](const metering::Totals& sums, const std::string& currency) {
    return std::vector<std::string>{std::to_string(sums.requests),
                                    std::to_string(sums.prompt),
                                    std::to_string(sums.cached),
                                    std::to_string(sums.generated),
                                    seconds_text(sums.gse_us),
                                    money_text(sums.cost_micro),
                                    currency};
  };
  std::map<std::string, metering::Totals> totals;
  for (const StatementLine& line : it.lines) {
    std::vector<std::string> row{line.project, line.cost_centre, line.model,
                                 line.price.empty() ? "unpriced" : line.price};
    std::ranges::move(cells(line.sums, line.currency), std::back_inserter(row));
    table.add(std::move(row));
    totals[line.currency] += line.sums;
  }
  table.rule();
  for (const auto& [currency, sums] : totals) {
    std::vector<std::string> row{"total", " ", " ", " "};
    std::ranges::move(cells(sums, currency), std::back_inserter(row));
    table.add(std::move(row));
  }
  return table.text();
}

std::string adjustment_table(const Statement& it) {
  TextTable table({{"adjustment"}, {"at"}, {"amount", true}, {"currency"}, {"reason"}});
  for (const Adjustment& one : it.adjustments)
    table.add({one.id, to_rfc3339(one.at), money_text(one.amount_micro), one.currency, one.reason});
  return table.text();
}

std::string indented(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += fmt::format("    {}\n", printable(text.substr(0, end)));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string sources(const Statement& it, std::string_view sha256) {
  const metering::Totals sums = it.sums();
  std::string out;
  if (it.first_seq != 0) out += fmt::format("Ledger rows {} to {}.\n", it.first_seq, it.last_seq);
  if (sums.unpriced > 0)
    out += fmt::format("{} requests had no price and are not charged.\n", sums.unpriced);
  if (sums.recovered > 0)
    out += fmt::format(
        "The end of {} requests was lost in a crash: they are charged as far as is known, which is "
        "a lower bound.\n",
        sums.recovered);
  if (!it.audit_checkpoint.empty())
    out += "Audit log at that time:\n" + indented(it.audit_checkpoint);
  if (!it.previous_sha256.empty())
    out +=
        fmt::format("Statement before: {}, SHA-256 {}.\n", it.previous_month, it.previous_sha256);
  if (!sha256.empty()) out += fmt::format("SHA-256 of this document (its JSON): {}\n", sha256);
  return out;
}

}  // namespace

std::string statement_text(const Statement& it, std::string_view sha256) {
  std::string out = fmt::format("Statement of {} for {}\n", printable(it.tenant_name), it.month);
  if (it.preliminary) out += "PRELIMINARY: the month is not closed, these figures will change.\n";
  out += fmt::format("Tenant {} ({}), {} to {} ({}), made {}.\n\n", printable(it.tenant),
                     it.tenant_id, to_rfc3339(it.from), to_rfc3339(it.until), it.time_zone,
                     to_rfc3339(it.generated_at));
  out += it.lines.empty() ? "No usage.\n" : usage_table(it);
  if (!it.adjustments.empty()) out += "\n" + adjustment_table(it);
  out += '\n';
  for (const auto& [currency, total] : it.totals())
    out += fmt::format("Due: {}\n", amount(total.due_micro(), currency));
  out += '\n';
  for (const Statement::PriceText& price : it.prices) {
    out += fmt::format("Price {}:\n", price.id);
    out += price.text.empty() ? "    its terms are not known any more\n" : indented(price.text);
  }
  return out + sources(it, sha256);
}

std::string statement_csv(const Statement& it) {
  CsvWriter csv;
  for (const std::string_view name :
       {"kind", "tenant", "month", "project", "cost_centre", "model", "price", "requests",
        "input_tokens", "cached_tokens", "output_tokens", "gse_seconds", "energy_mj", "unpriced",
        "recovered", "amount", "currency", "id", "note"})
    csv.plain(name);
  csv.end_line();
  for (const StatementLine& line : it.lines) {
    csv.plain("usage").text(it.tenant).plain(it.month).text(line.project).text(line.cost_centre);
    csv.text(line.model).text(line.price).number(line.sums.requests).number(line.sums.prompt);
    csv.number(line.sums.cached).number(line.sums.generated).plain(seconds_text(line.sums.gse_us));
    csv.number(line.sums.energy_mj).number(line.sums.unpriced).number(line.sums.recovered);
    csv.plain(money_text(line.sums.cost_micro)).text(line.currency).text("").text("");
    csv.end_line();
  }
  const auto other = [&](std::string_view kind, std::int64_t micro, std::string_view currency,
                         std::string_view id, std::string_view note) {
    csv.plain(kind).text(it.tenant).plain(it.month);
    for (int i = 0; i < 12; ++i)
      csv.plain("");
    csv.plain(money_text(micro)).text(currency).text(id).text(note);
    csv.end_line();
  };
  for (const Adjustment& one : it.adjustments)
    other("adjustment", one.amount_micro, one.currency, one.id, one.reason);
  for (const auto& [currency, total] : it.totals())
    other("due", total.due_micro(), currency, "", it.preliminary ? "preliminary" : "");
  return csv.take();
}

namespace {

constexpr std::string_view kStyle = R"(<style>
body{font:10pt/1.4 sans-serif;color:#111;max-width:60em;margin:2em auto;padding:0 1em}
h1{font-size:16pt}h2{font-size:12pt;margin-top:2em}
table{border-collapse:collapse;width:100%}
th,td{padding:.25em .6em;text-align:left;border-bottom:1px solid #ccc;vertical-align:top}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.due{font-weight:bold;font-size:12pt}
.preliminary{border:2px solid #b00;color:#b00;padding:.5em 1em;font-weight:bold}
pre{white-space:pre-wrap;word-break:break-all;font-size:8pt}
@page{size:A4;margin:18mm}
@media print{body{margin:0;max-width:none}tr,pre{break-inside:avoid}}
@media print{thead{display:table-header-group}}
</style>)";

std::string cell(std::string_view text) { return "<td>" + html_escaped(text) + "</td>"; }
std::string number_cell(std::string_view text) {
  return "<td class=\"n\">" + html_escaped(text) + "</td>";
}
std::string lines_escaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    out += html_escaped(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string html_usage(const Statement& it) {
  std::string out =
      "<h2>Usage</h2>\n<table><thead><tr><th>Project</th><th>Cost centre</th><th>Model</th>"
      "<th>Price</th><th class=\"n\">Requests</th><th class=\"n\">Input</th>"
      "<th class=\"n\">Cached</th><th class=\"n\">Output</th><th class=\"n\">Amount</th>"
      "</tr></thead><tbody>\n";
  for (const StatementLine& line : it.lines) {
    const metering::Totals& sums = line.sums;
    out += "<tr>" + cell(line.project) + cell(line.cost_centre) + cell(line.model) +
           cell(line.price.empty() ? "unpriced" : line.price) +
           number_cell(std::to_string(sums.requests)) + number_cell(std::to_string(sums.prompt)) +
           number_cell(std::to_string(sums.cached)) + number_cell(std::to_string(sums.generated)) +
           number_cell(amount(sums.cost_micro, line.currency)) + "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string html_adjustments(const Statement& it) {
  if (it.adjustments.empty()) return {};
  std::string out =
      "<h2>Adjustments</h2>\n<table><thead><tr><th>Id</th><th>Booked</th><th>Reason</th>"
      "<th class=\"n\">Amount</th></tr></thead><tbody>\n";
  for (const Adjustment& one : it.adjustments)
    out += "<tr>" + cell(one.id) + cell(to_rfc3339(one.at)) + cell(one.reason) +
           number_cell(amount(one.amount_micro, one.currency)) + "</tr>\n";
  return out + "</tbody></table>\n";
}

}  // namespace

std::string statement_html(const Statement& it, std::string_view sha256) {
  const std::string name = html_escaped(it.tenant_name);
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'\">\n<title>Statement of {} for {}</title>\n{}</head><body>\n"
      "<h1>Statement of {} for {}</h1>\n",
      name, html_escaped(it.month), kStyle, name, html_escaped(it.month));
  if (it.preliminary)
    out +=
        "<p class=\"preliminary\">Preliminary: the month is not closed, these figures will "
        "change.</p>\n";
  out += fmt::format("<p>Tenant {} ({})<br>{} to {} ({})<br>Made {}</p>\n", html_escaped(it.tenant),
                     html_escaped(it.tenant_id), to_rfc3339(it.from), to_rfc3339(it.until),
                     html_escaped(it.time_zone), to_rfc3339(it.generated_at));
  out += it.lines.empty() ? "<p>No usage.</p>\n" : html_usage(it);
  out += html_adjustments(it);
  for (const auto& [currency, total] : it.totals())
    out += "<p class=\"due\">Due: " + html_escaped(amount(total.due_micro(), currency)) + "</p>\n";
  if (!it.prices.empty()) out += "<h2>Prices</h2>\n";
  for (const Statement::PriceText& price : it.prices)
    out +=
        fmt::format("<p>{}</p><pre>{}</pre>\n", html_escaped(price.id), lines_escaped(price.text));
  return out + "<h2>Made from</h2>\n<pre>" + lines_escaped(sources(it, sha256)) +
         "</pre>\n</body></html>\n";
}

}  // namespace sovmesh::control

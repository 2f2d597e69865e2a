#include "control/explain.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <chrono>
#include <utility>

#include "base/bytes.h"
#include "base/time_text.h"
#include "control/json_text.h"
#include "control/report_text.h"
#include "control/usage_report.h"

namespace sovmesh::control {
namespace {

using metering::PriceTerms;

// The charge when of all rates only one is not zero.
std::int64_t amount_of(const metering::Price& price, const metering::Usage& usage,
                       std::int64_t PriceTerms::* rate) {
  PriceTerms terms = price.terms();
  for (const auto other :
       {&PriceTerms::call, &PriceTerms::input, &PriceTerms::cached_input, &PriceTerms::output,
        &PriceTerms::characters, &PriceTerms::concurrency_hour, &PriceTerms::gpu_second}) {
    if (other != rate) terms.*other = 0;
  }
  const auto alone = metering::Price::make(std::move(terms));
  return alone ? metering::cost_of(**alone, usage) : 0;
}

}  // namespace

metering::Usage usage_of(const store::UsageRow& row) {
  return {.counts = row.settlement.counts,
          .finish = row.settlement.finish,
          .characters = row.characters,
          .open_for = row.open_for};
}

std::vector<CostLine> cost_lines(const metering::Price& price, const metering::Usage& usage) {
  struct Part {
    const char* name;
    std::int64_t PriceTerms::* rate;
    std::int64_t quantity;
    const char* unit;
    const char* per;
  };
  const metering::Counts& counts = usage.counts;
  const std::array parts{
      Part{"call", &PriceTerms::call, 1, "request", "request"},
      Part{"input", &PriceTerms::input, counts.prompt - counts.cached, "tokens",
           "1,000,000 tokens"},
      Part{"cached input", &PriceTerms::cached_input, counts.cached, "tokens", "1,000,000 tokens"},
      Part{"output", &PriceTerms::output, counts.generated, "tokens", "1,000,000 tokens"},
      Part{"characters", &PriceTerms::characters, usage.characters, "characters",
           "1,000,000 characters"},
      Part{"open for", &PriceTerms::concurrency_hour, usage.open_for.count(), "microseconds",
           "hour"},
      Part{"engine time", &PriceTerms::gpu_second, metering::gse_of(price, usage), "microseconds",
           "GPU-second"}};
  std::vector<CostLine> lines;
  std::int64_t sum = 0;
  for (const Part& part : parts) {
    const std::int64_t rate = price.terms().*part.rate;
    if (rate == 0) continue;
    const std::int64_t amount = amount_of(price, usage, part.rate);
    sum += amount;
    lines.push_back({part.name, part.quantity, part.unit, rate, part.per, amount});
  }
  if (const std::int64_t rest = metering::cost_of(price, usage) - sum; rest != 0)
    lines.push_back({"fractions of the above", 1, "sum", rest, "sum", rest});
  return lines;
}

std::vector<CostLine> Explanation::lines() const {
  if (!price || row.open || row.voided) return {};
  return cost_lines(*price, usage_of(row));
}

std::optional<Explanation::Turn> Explanation::turn() const {
  if (shown_turn) return shown_turn;
  if (placing) {
    const bool was_placed = !placing->attempts.empty();
    return Turn{.priority = std::string(placing->priority),
                .pool = was_placed ? placing->attempts.back().pool : ""};
  }
  if (!entry) return std::nullopt;
  const auto said = nlohmann::json::parse(entry->bytes, nullptr, false);
  if (!said.is_object() || !said.contains("class")) return std::nullopt;
  return Turn{.priority = said.value("class", ""), .pool = said.value("pool", "")};
}

void hide_place(Explanation& it, bool reads_entries) {
  it.shown_turn = it.turn();
  if (it.shown_turn) it.shown_turn->pool.clear();
  it.placing.reset();
  it.row.engine.clear();
  if (reads_entries || !it.entry) return;
  it.entry.reset();
  it.proof.reset();
  it.audit_note = "you may not read the audit log's entries";
}

bool Explanation::adds_up() const {
  if (row.open) return true;
  if (!price || row.voided) return row.charge.cost_micro == 0;
  return metering::cost_of(*price, usage_of(row)) == row.charge.cost_micro &&
         metering::gse_of(*price, usage_of(row)) == row.charge.gse_us;
}

Result<RequestId> parse_request_id(std::string_view text) {
  const auto wrong = [] {
    return client_error(Code::invalid_value, "want a request's id: req_ and 32 digits, or a ULID",
                        "id");
  };
  if (text.starts_with("req_")) text.remove_prefix(4);
  if (text.size() != 32) {
    const auto id = Ulid::parse(text);
    if (!id) return wrong();
    return RequestId{*id};
  }
  std::array<unsigned char, 16> bytes{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(text[i]);
    if (digit == std::string_view::npos) return wrong();
    bytes.at(i / 2) = static_cast<unsigned char>(bytes.at(i / 2) * 16U + digit);
  }
  return RequestId{Ulid::from_bytes(bytes)};
}

namespace {

void add_audit(Explanation& out, store::Audit* audit) {
  if (audit == nullptr) {
    out.audit_note = "there is no audit log";
    return;
  }
  auto entry = audit->find(out.row.request);
  if (!entry) {
    out.audit_note = entry.error().code() == Code::not_found
                         ? "the audit log has no entry of it (yet)"
                         : entry.error().message();
    return;
  }
  out.entry = *std::move(entry);
  auto proof = audit->prove(out.entry->index);
  if (proof)
    out.proof = *std::move(proof);
  else
    out.audit_note = "no proof: " + proof.error().message();
}

}  // namespace

Error no_such_request() {
  return {Code::not_found, Blame::client,
          "the ledger has no such request: it asked no engine, or its rows are older than the "
          "ledger keeps them"};
}

Result<Explanation> explain(store::Ledger& ledger, store::Audit* audit,
                            const store::ControlData& data, RequestId request) {
  TRY(std::optional<store::UsageRow> row, ledger.find(request));
  if (!row) return fail(no_such_request());
  Explanation out{.row = *std::move(row)};
  if (out.row.is_priced()) {
    TRY(out.price, ledger.price(out.row.price_version));
  }
  out.tenant = shown_tenant(data, out.row.tenant);
  out.project = shown_project(data, out.row.project);
  out.key = shown_key(data, out.row.key);
  add_audit(out, audit);
  return out;
}

namespace {

bool is_for(const limits::Target& target, const store::UsageRow& row, std::string_view pool) {
  using limits::Scope;
  using limits::ScopeKey;
  if (target.within() && *target.within() != row.tenant) return false;
  const auto is_one = [&](const ScopeKey& key) { return !target.only() || *target.only() == key; };
  switch (target.scope()) {
    case Scope::key:
      return is_one(ScopeKey::of(row.key));
    case Scope::user:
      return !row.user.empty() && is_one(ScopeKey::user(row.tenant, row.user));
    case Scope::project:
      return is_one(ScopeKey::of(row.project));
    case Scope::tenant:
      return is_one(ScopeKey::of(row.tenant));
    case Scope::pool:
      return !pool.empty() && is_one(ScopeKey::pool(std::string(pool)));
  }
  return false;
}

}  // namespace

std::vector<std::string> limits_of(const std::vector<limits::Limit>& all,
                                   const store::UsageRow& row, std::string_view pool) {
  std::vector<std::string> out;
  for (const limits::Limit& limit : all) {
    if (is_for(limit.target, row, pool) && (limit.model.empty() || limit.model == row.model))
      out.push_back(limits::to_text(limit));
  }
  return out;
}

namespace {

std::string shown(RequestId request) { return "req_" + request.value.hex(); }

std::string_view state_of(const store::UsageRow& row) {
  if (row.open) return "open";
  return row.voided ? "void" : "settled";
}

std::string intent_json(const Explanation& it) {
  const store::UsageRow& row = it.row;
  return JsonText()
      .time("opened_at", row.opened_at)
      .text("tenant", std::string_view(it.tenant))
      .text("tenant_id", row.tenant.value.text())
      .text("project", std::string_view(it.project))
      .text("project_id", row.project.value.text())
      .text("key", row.key.text())
      .text("key_name", std::string_view(it.key))
      .text("user", std::string_view(row.user))
      .text("cost_centre", std::string_view(row.cost_centre))
      .text("operation", metering::name(row.operation))
      .flag("streamed", row.streamed)
      .text("model", std::string_view(row.model))
      .text("model_revision", std::string_view(row.model_revision))
      .text("engine", std::string_view(row.engine))
      .number("prompt_estimate", row.prompt_estimate)
      .number("output_max", row.output_max)
      .number("reserved_tokens", row.reserved_tokens)
      .number("characters", row.characters)
      .text("price_version", std::string_view(row.price_version))
      .text("currency", std::string_view(row.currency))
      .number("boot", row.boot)
      .end();
}

std::string settle_json(const store::UsageRow& row) {
  const metering::Counts& counts = row.settlement.counts;
  return JsonText()
      .time("settled_at", row.settlement.settled_at)
      .time("booked_at", row.booked_at)
      .number("seq", row.seq)
      .number("open_us", row.open_for.count())
      .text("finish", metering::name(row.settlement.finish))
      .text("source", metering::name(counts.source))
      .flag("drift", row.settlement.drift)
      .flag("lower_bound", row.is_lower_bound())
      .number("prompt_tokens", counts.prompt)
      .number("cached_tokens", counts.cached)
      .number("generated_tokens", counts.generated)
      .number("reasoning_tokens", counts.reasoning)
      .number("delivered_tokens", counts.delivered)
      .end();
}

// Only what is in flight has one: the end of a request stands for all before it.
std::string checkpoint_json(const metering::Counts& counts) {
  return JsonText()
      .number("prompt_tokens", counts.prompt)
      .number("cached_tokens", counts.cached)
      .number("generated_tokens", counts.generated)
      .number("reasoning_tokens", counts.reasoning)
      .number("delivered_tokens", counts.delivered)
      .end();
}

std::string cost_json(const Explanation& it) {
  std::vector<std::string> lines;
  for (const CostLine& line : it.lines()) {
    lines.push_back(JsonText()
                        .text("name", std::string_view(line.name))
                        .number("quantity", line.quantity)
                        .text("unit", std::string_view(line.unit))
                        .number("rate_micro", line.rate)
                        .text("per", std::string_view(line.per))
                        .number("amount_micro", line.amount)
                        .end());
  }
  JsonText json;
  json.flag("priced", it.row.is_priced()).text("currency", std::string_view(it.row.currency));
  json.raw("lines", json_list(lines))
      .number("cost_micro", it.row.charge.cost_micro)
      .text("cost", std::string_view(money_text(it.row.charge.cost_micro)))
      .flag("adds_up", it.adds_up());
  it.price ? json.text("price", std::string_view(it.price->text())) : json.null("price");
  return json.end();
}

std::string energy_json(const metering::Charge& charge) {
  return JsonText()
      .text("gse_seconds", std::string_view(seconds_text(charge.gse_us)))
      .number("millijoules", charge.energy.millijoules)
      .number("micrograms_co2", charge.energy.micrograms_co2)
      .text("method", metering::name(charge.energy.method))
      .end();
}

void add_entry(JsonText& json, const store::AuditRecord& entry) {
  json.number("index", static_cast<std::int64_t>(entry.index));
  if (is_valid_utf8(entry.bytes)) json.text("entry", std::string_view(entry.bytes));
  json.text("entry_base64", to_base64({reinterpret_cast<const unsigned char*>(  // NOLINT: bytes
                                           entry.bytes.data()),
                                       entry.bytes.size()}));
}

std::string audit_json(const Explanation& it) {
  JsonText json;
  if (it.entry) add_entry(json, *it.entry);
  if (it.proof) {
    std::vector<std::string> hashes;
    for (const Digest& hash : it.proof->hashes)
      hashes.push_back(to_hex(hash));
    json.texts("inclusion_proof", hashes);
    json.text("checkpoint", std::string_view(it.proof->checkpoint));
  }
  if (!it.audit_note.empty()) json.text("note", std::string_view(it.audit_note));
  return json.end();
}

}  // namespace

std::string explanation_json(const Explanation& it) {
  JsonText json;
  json.text("id", shown(it.row.request))
      .text("ulid", it.row.request.value.text())
      .text("state", state_of(it.row))
      .raw("intent", intent_json(it));
  it.row.open ? json.raw("checkpoint", checkpoint_json(it.row.checkpoint))
              : json.null("checkpoint");
  it.row.open || it.row.voided ? json.null("settle") : json.raw("settle", settle_json(it.row));
  const auto turn = it.turn();
  turn ? json.text("class", std::string_view(turn->priority)) : json.null("class");
  turn && !turn->pool.empty() ? json.text("pool", std::string_view(turn->pool)) : json.null("pool");
  it.placing ? json.raw("scheduling", placing_json(*it.placing)) : json.null("scheduling");
  return json.raw("cost", cost_json(it))
      .raw("energy", energy_json(it.row.charge))
      .texts("limits", it.limits)
      .time("limits_as_of", it.limits_at)
      .raw("audit", audit_json(it))
      .end();
}

namespace {

class Page {
 public:
  void title(std::string_view text) { out_ += fmt::format("\n{}\n", text); }
  void line(std::string_view name, std::string_view value) {
    out_ += fmt::format("  {:<16}{}\n", name, value.empty() ? "-" : printable(value));
  }
  void time(std::string_view name, WallTime value) { line(name, to_rfc3339(value)); }
  void number(std::string_view name, std::int64_t value) { line(name, std::to_string(value)); }
  void raw(std::string_view text) { out_ += text; }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string with(std::string_view name, std::string_view id) {
  return name.empty() || name == id ? std::string(id) : fmt::format("{} ({})", name, id);
}

void add_intent(Page& page, const Explanation& it) {
  const store::UsageRow& row = it.row;
  page.title("Intent, durable before the first byte");
  page.time("opened at", row.opened_at);
  page.line("tenant", with(it.tenant, row.tenant.value.text()));
  page.line("project", with(it.project, row.project.value.text()));
  page.line("key", with(it.key, row.key.text()));
  page.line("user", row.user);
  page.line("cost centre", row.cost_centre);
  page.line("model", row.model_revision.empty() ? row.model : row.model + "@" + row.model_revision);
  page.line("engine", row.engine);
  page.line("operation",
            fmt::format("{}{}", metering::name(row.operation), row.streamed ? ", streamed" : ""));
  page.line("estimate",
            fmt::format("{} prompt tokens (for limits, never billed)", row.prompt_estimate));
  page.line("output at most", row.output_max == 0 ? "not said" : std::to_string(row.output_max));
  page.number("reserved tokens", row.reserved_tokens);
  page.line("price", row.is_priced() ? row.price_version : "none: unpriced");
}

void add_scheduling(Page& page, const Explanation& it) {
  page.title("Scheduling");
  if (it.placing) {
    page.raw(placing_text(*it.placing));
    return;
  }
  if (const auto turn = it.turn()) {
    page.line("class", turn->priority);
    page.line("pool", turn->pool);
  }
  page.raw("  Why it got its turn: only that of a tenant's latest requests is remembered.\n");
}

void add_end(Page& page, const store::UsageRow& row) {
  page.title("Checkpoint");
  if (row.open) {
    page.number("input tokens", row.checkpoint.prompt);
    page.number("output tokens", row.checkpoint.generated);
    page.number("delivered", row.checkpoint.delivered);
    page.raw("  The last one: what a crash at this moment would leave to be charged.\n");
  } else {
    page.raw(row.is_recovered() ? "  The last one is the end below: a crash took what came after.\n"
                                : "  None is kept of a request that has ended.\n");
  }
  page.title("End");
  if (row.open) {
    page.raw("  It is still open: nothing is counted or charged yet.\n");
    return;
  }
  if (row.voided) {
    page.raw("  It never reached an engine: nothing is charged.\n");
    return;
  }
  const metering::Counts& counts = row.settlement.counts;
  page.time("settled at", row.settlement.settled_at);
  page.time("booked at", row.booked_at);
  page.number("ledger seq", row.seq);
  page.line("open for", seconds_text(row.open_for.count()) + " s");
  page.line("finish", metering::name(row.settlement.finish));
  page.line("counted by", metering::name(counts.source));
  page.number("input tokens", counts.prompt);
  page.number("  of these cached", counts.cached);
  page.number("output tokens", counts.generated);
  page.number("delivered", counts.delivered);
  if (row.settlement.drift) page.line("drift", "the engine contradicts itself by more than 2 %");
  if (row.is_recovered())
    page.line("recovered", "the end was lost in a crash: the last checkpoint, a lower bound");
  else if (row.is_lower_bound())
    page.line("lower bound", "the engine has not counted this: what it has at least");
}

void add_cost(Page& page, const Explanation& it) {
  if (it.row.open || it.row.voided) return;
  page.title("Cost");
  if (!it.price) {
    page.raw(it.row.is_priced() ? "  The ledger does not have the price any more.\n"
                                : "  Unpriced: no price was in force, nothing is charged.\n");
  } else {
    TextTable table({{"  part"},
                     {"quantity", true},
                     {"unit"},
                     {"rate", true},
                     {"per"},
                     {"amount " + it.row.currency, true}});
    for (const CostLine& line : it.lines())
      table.add({"  " + line.name, std::to_string(line.quantity), line.unit, money_text(line.rate),
                 line.per, money_text(line.amount)});
    table.rule();
    table.add({"  charged", "", "", "", "", money_text(it.row.charge.cost_micro)});
    page.raw(table.text());
  }
  if (!it.adds_up()) page.raw("  THIS DOES NOT ADD UP: run `sovmesh ledger verify`.\n");
  const metering::Charge& charge = it.row.charge;
  page.line("engine time", seconds_text(charge.gse_us) + " GPU-second equivalents");
  page.line("energy",
            fmt::format("{} Wh, {} g CO2e ({})", watt_hours_text(charge.energy.millijoules),
                        seconds_text(charge.energy.micrograms_co2),
                        metering::name(charge.energy.method)));
}

void add_audit(Page& page, const Explanation& it) {
  page.title("Audit log");
  if (it.entry) page.number("entry", static_cast<std::int64_t>(it.entry->index));
  if (it.proof) {
    for (const Digest& hash : it.proof->hashes)
      page.line("proof", to_hex(hash));
    page.raw("  checkpoint\n");
    std::string_view rest = it.proof->checkpoint;
    while (!rest.empty()) {
      const auto end = std::min(rest.find('\n'), rest.size());
      page.raw(fmt::format("    {}\n", printable(rest.substr(0, end))));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  if (!it.audit_note.empty()) page.raw(fmt::format("  {}.\n", printable(it.audit_note)));
}

}  // namespace

std::string explanation_text(const Explanation& it) {
  Page page;
  page.raw(fmt::format("Request {} (ULID {}): {}\n", shown(it.row.request),
                       it.row.request.value.text(), state_of(it.row)));
  add_intent(page, it);
  add_scheduling(page, it);
  add_end(page, it.row);
  add_cost(page, it);
  page.title("Limits it would count against now, not those of when it ran");
  page.time("as of", it.limits_at);
  if (it.limits.empty()) page.raw("  None.\n");
  for (const std::string& limit : it.limits)
    page.raw(fmt::format("  {}\n", printable(limit)));
  add_audit(page, it);
  return page.take();
}

// Who asks right after an answer finds it.
std::optional<Replay> find_replay(store::Audit* audit, RequestId request) {
  constexpr std::chrono::milliseconds kFlushMax{1'000};
  if (audit == nullptr) return std::nullopt;
  auto entry = audit->find(request);
  if (!entry && audit->flush(kFlushMax)) entry = audit->find(request);
  if (!entry) return std::nullopt;
  const auto body = nlohmann::json::parse(entry->bytes, nullptr, false);
  if (!body.is_object()) return std::nullopt;
  constexpr std::string_view kSettle = "settle/";
  const std::string row = body.value("ledger_ref", "");
  if (!row.starts_with(kSettle)) return std::nullopt;
  const auto first = parse_request_id(std::string_view(row).substr(kSettle.size()));
  if (!first || *first == request) return std::nullopt;
  return Replay{.request = request, .first = *first, .entry = *std::move(entry)};
}

std::string replay_json(const Replay& replay) {
  JsonText audit;
  add_entry(audit, replay.entry);
  return JsonText()
      .text("id", shown(replay.request))
      .text("ulid", replay.request.value.text())
      .text("state", "replayed")
      .text("replay_of", shown(replay.first))
      .raw("audit", audit.end())
      .end();
}

std::string replay_text(const Replay& replay) {
  Page page;
  page.raw(fmt::format("Request {} (ULID {}): replayed\n", shown(replay.request),
                       replay.request.value.text()));
  page.raw(
      "\nIt repeated an Idempotency-Key and got the answer of an earlier request again. No\n"
      "engine was asked, and nothing was charged.\n");
  page.line("first request", shown(replay.first));
  page.title("Audit log");
  page.number("entry", static_cast<std::int64_t>(replay.entry.index));
  return page.take();
}

std::string unbooked_json(RequestId request, const Placing& placing) {
  return JsonText()
      .text("id", shown(request))
      .text("ulid", request.value.text())
      .text("state", "unbooked")
      .raw("scheduling", placing_json(placing))
      .end();
}

std::string unbooked_text(RequestId request, const Placing& placing) {
  return fmt::format("Request {} (ULID {}): not in the ledger\n\nScheduling\n{}", shown(request),
                     request.value.text(), placing_text(placing));
}

}  // namespace sovmesh::control

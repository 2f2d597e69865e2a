#include "routing/endpoint_table.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>

namespace sovmesh::routing {
namespace {

constexpr std::size_t kNameMax = 253;
constexpr double kPromptWeight = 0.05;  // of the newest prompt in the mean

Load at_least_zero(Load load) {
  load.prefill_tokens = std::max<std::int64_t>(load.prefill_tokens, 0);
  load.context_tokens = std::max<std::int64_t>(load.context_tokens, 0);
  load.waiting = std::max<std::int64_t>(load.waiting, 0);
  load.running = std::max<std::int64_t>(load.running, 0);
  return load;
}

Result<void> check(const EndpointSpec& spec) {
  if (spec.name.empty() || spec.name.size() > kNameMax)
    return client_error(Code::invalid_value, "endpoint: its name must have 1 to 253 characters");
  const std::string who = "endpoint " + spec.name + ": ";
  if (spec.jurisdiction > 63)
    return client_error(Code::invalid_value, who + "jurisdiction must be 0 to 63");
  if (spec.kv_capacity_tokens <= 0)
    return client_error(Code::invalid_value, who + "kv_capacity_tokens must be above 0");
  if (spec.requests_max <= 0)
    return client_error(Code::invalid_value, who + "requests_max must be above 0");
  return {};
}

}  // namespace

std::uint8_t takes_of(Role role) {
  switch (role) {
    case Role::prefill:
      return 1;
    case Role::decode:
      return 2;
    case Role::both:
      break;
  }
  return 3;
}

Load& Load::operator+=(const Load& other) {
  prefill_tokens += other.prefill_tokens;
  context_tokens += other.context_tokens;
  waiting += other.waiting;
  running += other.running;
  return *this;
}

Load& Load::operator-=(const Load& other) {
  prefill_tokens -= other.prefill_tokens;
  context_tokens -= other.context_tokens;
  waiting -= other.waiting;
  running -= other.running;
  return *this;
}

EndpointTable::EndpointTable(std::size_t endpoints_max)
    : endpoints_max_(std::min(endpoints_max, kEndpointsMax)),
      living_(endpoints_max_),
      lora_holders_(kLorasMax, EndpointSet(endpoints_max_)) {}

std::array<EvenColumn*, 7> EndpointTable::even_columns() {
  Columns& c = columns_;
  return {&c.requests_max, &c.kv_capacity, &c.wake_us, &c.scraped_s, &c.zone, &c.a, &c.base};
}

float EndpointTable::seconds(Instant at) const {
  return std::chrono::duration<float>(at - start_.value_or(at)).count();
}

Result<EndpointId> EndpointTable::add(EndpointSpec spec, Instant now) {
  TRY_VOID(check(spec));
  if (find(spec.name))
    return client_error(Code::conflict, "endpoint " + spec.name + " is there already");
  if (free_.empty() && rows_.size() == endpoints_max_)
    return our_error(Code::overloaded,
                     "no more than " + std::to_string(endpoints_max_) + " endpoints in a pool");
  if (!start_) start_ = now;
  EndpointIndex index = 0;
  if (free_.empty()) {
    index = static_cast<EndpointIndex>(rows_.size());
    rows_.emplace_back();
    Columns& c = columns_;
    for (auto* column : {&c.prefill_tokens, &c.context_tokens, &c.running, &c.requests, &c.weight})
      column->push_back(0);
    for (EvenColumn* column : even_columns())
      column->push_back(0);
    c.weight.back() = 1;
    c.access.push_back(0);
    c.jurisdiction.push_back(0);
    c.takes.push_back(0);
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Row& row = rows_[index];
  row = Row{.spec = std::move(spec), .generation = row.generation + 1, .alive = true};
  row.scraped_at = now;
  living_.insert(index);
  totals_.kv_capacity += static_cast<double>(row.spec.kv_capacity_tokens);
  publish(index);
  totals_.access &= columns_.access[index];
  totals_.jurisdictions |= columns_.jurisdiction[index];
  return EndpointId{index, row.generation};
}

bool EndpointTable::remove(EndpointId id) {
  Row* row = row_of(id);
  if (row == nullptr) return false;
  totals_.kv_capacity -= static_cast<double>(row->spec.kv_capacity_tokens);
  set_loras(id.index, {});
  row->own = row->foreign = {};
  row->alive = false;
  living_.erase(id.index);
  publish(id.index);
  return true;
}

void EndpointTable::release_index(EndpointIndex index) {
  assert(!rows_[index].alive);
  free_.push_back(index);
}

EndpointTable::Row* EndpointTable::row_of(EndpointId id) {
  return alive(id) ? &rows_[id.index] : nullptr;
}

std::optional<EndpointId> EndpointTable::find(std::string_view name) const {
  for (std::size_t i = 0; i < rows_.size(); ++i)
    if (rows_[i].alive && rows_[i].spec.name == name) return id_of(static_cast<EndpointIndex>(i));
  return std::nullopt;
}

bool EndpointTable::alive(EndpointId id) const {
  return id.index < rows_.size() && rows_[id.index].alive &&
         rows_[id.index].generation == id.generation;
}

EndpointId EndpointTable::id_of(EndpointIndex index) const {
  return {index, rows_[index].alive ? rows_[index].generation : 0};
}

void EndpointTable::add_load(EndpointId id, const Load& more, Instant now) {
  Row* row = row_of(id);
  if (row == nullptr) return;
  row->own += more;
  if (more.waiting > 0) {
    const auto prompt =
        static_cast<double>(more.prefill_tokens) / static_cast<double>(more.waiting);
    row->prompt_mean +=
        row->prompt_mean == 0 ? prompt : kPromptWeight * (prompt - row->prompt_mean);
  }
  record(*row, now);
  publish_load(id.index);
}

void EndpointTable::take_load(EndpointId id, const Load& less, Instant now) {
  Row* row = row_of(id);
  if (row == nullptr) return;
  row->own -= less;
  record(*row, now);
  publish_load(id.index);
}

void EndpointTable::record(Row& row, Instant now) {
  const std::size_t size = row.history.size();
  if (size > 0) {
    Change& last = row.history[(row.first + size - 1) % size];
    if (last.at >= now) {
      last.own = row.own;
      return;
    }
  }
  if (size < kHistory) {
    row.history.push_back({now, row.own});  // first is 0 as long as it grows
    return;
  }
  row.history[row.first] = {now, row.own};
  row.first = (row.first + 1) % kHistory;
}

std::optional<Load> EndpointTable::own_most(const Row& row, Instant from, Instant until) {
  Load most;
  const auto include = [&](const Load& own) {
    most = {.prefill_tokens = std::max(most.prefill_tokens, own.prefill_tokens),
            .context_tokens = std::max(most.context_tokens, own.context_tokens),
            .waiting = std::max(most.waiting, own.waiting),
            .running = std::max(most.running, own.running)};
  };
  for (std::size_t i = row.history.size(); i-- > 0;) {
    const Change& change = row.history[(row.first + i) % row.history.size()];
    if (change.at <= std::max(from, until)) include(change.own);
    if (change.at <= from) return most;
  }
  if (row.history.size() == kHistory) return std::nullopt;
  return most;
}

bool EndpointTable::apply(EndpointId id, const Scrape& scrape, Instant now) {
  Row* row = row_of(id);
  if (row == nullptr || scrape.at < row->scraped_at || scrape.at > now) return false;
  const std::optional<Load> own = own_most(*row, scrape.at, scrape.until);
  if (!own) return false;
  const auto capacity = static_cast<double>(row->spec.kv_capacity_tokens);
  Load foreign;
  const std::int64_t others =
      std::max<std::int64_t>(scrape.waiting + scrape.running - own->waiting - own->running, 0);
  foreign.waiting = std::clamp<std::int64_t>(scrape.waiting - own->waiting, 0, others);
  foreign.running = others - foreign.waiting;
  foreign.context_tokens =
      std::llround(std::clamp(scrape.kv_used, 0.0, 1.0) * capacity) - own->context_tokens;
  foreign.prefill_tokens =
      scrape.queued_tokens ? *scrape.queued_tokens - own->prefill_tokens
                           : std::llround(static_cast<double>(foreign.waiting) * row->prompt_mean);
  row->kv_beside_own = foreign.context_tokens + own->prefill_tokens;
  row->foreign = at_least_zero(foreign);
  row->scraped_at = scrape.at;
  set_loras(id.index, scrape.loras);
  publish(id.index);
  return true;
}

void EndpointTable::forget_scrape(EndpointId id) {
  Row* row = row_of(id);
  if (row == nullptr) return;
  row->foreign = {};
  row->kv_beside_own.reset();
  publish_load(id.index);
}

void EndpointTable::set_kv_capacity(EndpointId id, std::int64_t tokens) {
  Row* row = row_of(id);
  if (row == nullptr || tokens <= 0 || tokens == row->spec.kv_capacity_tokens) return;
  totals_.kv_capacity += static_cast<double>(tokens - row->spec.kv_capacity_tokens);
  row->spec.kv_capacity_tokens = tokens;
  publish(id.index);
}

std::optional<std::int64_t> EndpointTable::kv_projected(EndpointIndex index) const {
  const Row& row = rows_[index];
  if (!row.kv_beside_own) return std::nullopt;
  return std::max<std::int64_t>(*row.kv_beside_own + row.own.context_tokens, 0);
}

void EndpointTable::set_standing(EndpointId id, const Standing& standing) {
  Row* row = row_of(id);
  if (row == nullptr) return;
  assert(standing.weight > 0 && standing.weight <= 1);
  row->standing = standing;
  publish(id.index);
}

void EndpointTable::set_loras(EndpointIndex index, const std::bitset<kLorasMax>& loras) {
  const std::bitset<kLorasMax> changed = rows_[index].loras ^ loras;
  rows_[index].loras = loras;
  if (changed.none()) return;
  for (std::size_t lora = 0; lora < kLorasMax; ++lora)
    if (changed[lora]) {
      if (loras[lora])
        lora_holders_[lora].insert(index);
      else
        lora_holders_[lora].erase(index);
    }
}

void EndpointTable::note_lora(EndpointIndex index, LoraNumber lora) {
  rows_[index].loras.set(lora);
  lora_holders_[lora].insert(index);
}

// Of each token that streams: what changes then, and nothing else.
void EndpointTable::publish_load(EndpointIndex index) {
  const Row& row = rows_[index];
  const Load load = row.own + row.foreign;
  Columns& c = columns_;
  // The sums take what the columns had and have, so that rounding does not add up.
  const auto set = [&](std::vector<float>& column, std::int64_t tokens, double& total) {
    total -= column[index];
    column[index] = static_cast<float>(tokens);
    total += column[index];
  };
  set(c.prefill_tokens, load.prefill_tokens, totals_.prefill_tokens);
  set(c.context_tokens, load.context_tokens, totals_.context_tokens);
  c.running[index] = static_cast<float>(load.running);
  c.requests[index] = static_cast<float>(load.running + load.waiting);
}

void EndpointTable::publish(EndpointIndex index) {
  publish_load(index);
  const Row& row = rows_[index];
  Columns& c = columns_;
  c.requests_max.set(index,
                     static_cast<float>(row.standing.requests_max > 0 ? row.standing.requests_max
                                                                      : row.spec.requests_max));
  c.kv_capacity.set(index, static_cast<float>(row.spec.kv_capacity_tokens));
  totals_.partial -= c.weight[index] < 1;
  c.weight[index] = row.standing.weight;
  totals_.partial += c.weight[index] < 1;
  c.wake_us.set(index, row.standing.wake_us);
  c.scraped_s.set(index, seconds(row.scraped_at));
  c.access[index] = row.spec.access;
  c.jurisdiction[index] = std::uint64_t{1} << row.spec.jurisdiction;
  const bool takes = row.alive && !row.standing.ejected && !row.standing.draining;
  c.takes[index] = takes ? takes_of(row.spec.role) : 0;
  c.zone.set(index, row.spec.zone);
  if (row.alive) totals_.scraped_s = std::max(totals_.scraped_s, c.scraped_s[index]);
}

void EndpointTable::refresh_rates(const RateTable& rates) {
  double sum = 0;
  double base_min = std::numeric_limits<double>::infinity();
  double a_min = std::numeric_limits<double>::infinity();
  totals_.access = ~std::uint64_t{0};
  totals_.jurisdictions = 0;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const Row& row = rows_[i];
    if (!row.alive) continue;
    const Rates& now = rates.rates(row.spec.rate_class);
    columns_.a.set(i, static_cast<float>(now.a));
    columns_.base.set(i, static_cast<float>(now.base));
    totals_.access &= columns_.access[i];
    totals_.jurisdictions |= columns_.jurisdiction[i];
    sum += now.a;
    base_min = std::min(base_min, now.base);
    a_min = std::min(a_min, now.a);
  }
  for (EvenColumn* column : even_columns())
    column->look();
  const std::size_t living = living_.count();
  totals_.a_mean = living == 0 ? 0 : sum / static_cast<double>(living);
  totals_.base_min = living == 0 ? 0 : base_min;
  totals_.a_min = living == 0 ? 0 : static_cast<float>(a_min);
}

}  // namespace sovmesh::routing

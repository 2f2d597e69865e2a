#include "sim/des/engine_model.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sovmesh::des {
namespace {

// How many waiting requests are looked at behind one whose LoRA finds no slot.
constexpr std::size_t kLookAhead = 64;

Instant::duration us(double microseconds) {
  return std::chrono::nanoseconds(std::llround(microseconds * 1'000));
}

double us_between(Instant from, Instant to) {
  return std::chrono::duration<double, std::micro>(to - from).count();
}

}  // namespace

bool EngineSpec::valid() const {
  return base_us > 0 && prefill_us >= 0 && decode_us >= 0 && context_us >= 0 && context_scale > 0 &&
         kv_tokens > 0 && block_tokens > 0 && requests_max > 0 &&
         chunk_tokens > static_cast<std::int64_t>(requests_max) && watermark >= 0 &&
         watermark < 1 && lora_slots > 0 && lora_load_us >= 0 && sleep_after_us >= 0 &&
         wake_us >= 0;
}

double EngineSpec::step_us(double prefill_work_us, std::size_t streams,
                           std::int64_t context) const {
  return std::max(base_us, prefill_work_us) + decode_us * static_cast<double>(streams) +
         context_us * static_cast<double>(context);
}

bool EngineModel::submit(const Work& work, Instant now) {
  if (work.input_tokens + work.output_tokens > cache_.capacity()) return false;
  waiting_.push_back({.work = work, .target = work.input_tokens});
  if (!step_end_ && !put_to_sleep_) begin_step(now);
  return true;
}

bool EngineModel::cancel(RequestNumber request) {
  const auto is_it = [&](const Sequence& sequence) { return sequence.work.request == request; };
  if (const auto found = std::ranges::find_if(running_, is_it); found != running_.end()) {
    release(*found);
    running_.erase(found);
    return true;
  }
  const auto found = std::ranges::find_if(waiting_, is_it);
  if (found == waiting_.end()) return false;
  waiting_.erase(found);
  return true;
}

std::vector<RequestNumber> EngineModel::crash(Instant now, Instant back_at) {
  std::vector<RequestNumber> lost;
  for (const Sequence& sequence : running_)
    lost.push_back(sequence.work.request);
  for (const Sequence& sequence : waiting_)
    lost.push_back(sequence.work.request);
  running_.clear();
  waiting_.clear();
  adapters_.clear();
  cache_.clear();
  step_end_.reset();
  idle_since_ = now;
  back_at_ = back_at;
  ++totals_.crashes;
  return lost;
}

void EngineModel::put_to_sleep(Instant now) {
  while (!running_.empty())
    preempt_youngest();
  adapters_.clear();
  cache_.clear();
  step_end_.reset();
  idle_since_ = now;
  put_to_sleep_ = true;
}

void EngineModel::wake(Instant now) {
  if (!put_to_sleep_) return;
  put_to_sleep_ = false;
  ++totals_.wakes;
  idle_since_ = now;
  back_at_ = now + us(spec_.wake_us);
  if (!waiting_.empty()) begin_step(now);
}

EngineReport EngineModel::report() const {
  EngineReport report{.waiting = static_cast<std::int64_t>(waiting_.size()),
                      .running = static_cast<std::int64_t>(running_.size())};
  for (const Sequence& sequence : waiting_)
    report.queued_tokens += sequence.target;
  for (const Sequence& sequence : running_)
    report.queued_tokens += std::max<std::int64_t>(0, sequence.target - sequence.computed);
  report.kv_used = static_cast<double>(cache_.used()) / static_cast<double>(cache_.capacity());
  for (const Adapter& adapter : adapters_)
    report.loras.push_back(adapter.lora);
  return report;
}

bool EngineModel::asleep(Instant now) const {
  return put_to_sleep_ || (spec_.sleep_after_us > 0 && !step_end_ &&
                           us_between(idle_since_, now) >= spec_.sleep_after_us);
}

double EngineModel::wake_delay(Instant now) {
  double delay = std::max(0.0, us_between(now, back_at_));
  if (!step_end_ && asleep(now)) {
    delay += spec_.wake_us;
    ++totals_.wakes;
  }
  return delay;
}

void EngineModel::begin_step(Instant now) {
  const double delay_us = wake_delay(now);
  const std::int64_t streams = make_room_for_decodes();
  std::int64_t context = 0;
  for (const Sequence& sequence : running_)
    if (sequence.decoding()) context += sequence.computed;
  const double prefill_us = plan_prefill(spec_.chunk_tokens - streams);
  if (running_.empty()) {
    step_end_.reset();
    idle_since_ = now;
    return;
  }
  const double step =
      spec_.step_us(prefill_us, static_cast<std::size_t>(streams), context) / speed_;
  totals_.busy_us += step;
  ++totals_.steps;
  step_end_ = now + us(delay_us + step);
}

// Each stream needs memory for one more token; the youngest make room when there is none.
std::int64_t EngineModel::make_room_for_decodes() {
  while (true) {
    const auto streams = std::ranges::count_if(running_, &Sequence::decoding);
    if (cache_.own(streams)) break;
    preempt_youngest();
  }
  std::int64_t streams = 0;
  for (Sequence& sequence : running_) {
    if (!sequence.decoding()) continue;
    ++sequence.owned;
    ++streams;
  }
  return streams;
}

void EngineModel::preempt_youngest() {
  Sequence sequence = std::move(running_.back());
  running_.pop_back();
  release(sequence);
  ++totals_.preemptions;
  sequence.target = sequence.work.input_tokens + sequence.generated;
  sequence.computed = 0;
  sequence.again = true;
  waiting_.push_front(std::move(sequence));
}

double EngineModel::plan_prefill(std::int64_t budget) {
  double work_us = 0;
  for (Sequence& sequence : running_)
    if (!sequence.decoding()) work_us += take_chunk(sequence, budget);
  return work_us + admit(budget);
}

double EngineModel::take_chunk(Sequence& sequence, std::int64_t& budget) {
  const std::int64_t tokens = std::min(sequence.target - sequence.computed, budget);
  sequence.chunk = tokens;
  budget -= tokens;
  const double context = static_cast<double>(sequence.computed) + static_cast<double>(tokens) / 2;
  return static_cast<double>(tokens) * spec_.prefill_us * (1 + context / spec_.context_scale);
}

double EngineModel::admit(std::int64_t& budget) {
  double work_us = 0;
  std::size_t at = 0;
  while (budget > 0 && at < std::min(waiting_.size(), kLookAhead) &&
         running_.size() < spec_.requests_max) {
    Sequence& next = waiting_[at];
    if (!can_use_lora(next.work.lora)) {  // others may go past: their LoRA may be there
      ++at;
      continue;
    }
    if (!take_memory(next)) break;
    work_us += use_lora(next.work.lora);
    running_.push_back(std::move(next));
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(at));
    work_us += take_chunk(running_.back(), budget);
  }
  return work_us;
}

// Memory for all of the prompt, less what the cache has of it. The last token is always computed:
// it brings the first one of the answer.
bool EngineModel::take_memory(Sequence& sequence) {
  const std::int64_t block = cache_.block_tokens();
  const auto blocks_max = static_cast<std::size_t>((sequence.target - 1) / block);
  const auto chain = sequence.work.chain.first(std::min(sequence.work.chain.size(), blocks_max));
  const auto kept = chain.first(cache_.match(chain));
  const std::int64_t hit = static_cast<std::int64_t>(kept.size()) * block;
  const std::int64_t need = sequence.target - hit;
  const auto spare =
      running_.empty()
          ? 0
          : static_cast<std::int64_t>(spec_.watermark * static_cast<double>(spec_.kv_tokens));
  if (!cache_.has_room(need + spare, kept)) return false;
  for (const BlockKey key : kept)
    cache_.refer(key);
  cache_.own(need);
  sequence.owned = need;
  sequence.shared = kept.size();
  sequence.computed = std::clamp(sequence.work.known_cached, hit, sequence.target - 1);
  if (!sequence.again) sequence.cached = sequence.computed;
  (sequence.again ? totals_.recomputed_tokens : totals_.cached_tokens) +=
      sequence.again ? sequence.target - sequence.computed : sequence.computed;
  return true;
}

std::vector<EngineModel::Adapter>::iterator EngineModel::find_lora(std::uint8_t lora) {
  return std::ranges::find(adapters_, lora, &Adapter::lora);
}

bool EngineModel::can_use_lora(std::uint8_t lora) {
  return lora == 0 || adapters_.size() < spec_.lora_slots || find_lora(lora) != adapters_.end() ||
         std::ranges::any_of(adapters_, [](const Adapter& each) { return each.users == 0; });
}

// What loading it costs; the least recently used one without users makes room.
double EngineModel::use_lora(std::uint8_t lora) {
  if (lora == 0) return 0;
  Adapter adapter{.lora = lora};
  double load_us = spec_.lora_load_us;
  if (const auto found = find_lora(lora); found != adapters_.end()) {
    adapter = *found;
    adapters_.erase(found);
    load_us = 0;
  } else if (adapters_.size() >= spec_.lora_slots) {
    adapters_.erase(std::ranges::find(adapters_, std::size_t{0}, &Adapter::users));
  }
  ++adapter.users;
  adapters_.push_back(adapter);
  return load_us;
}

void EngineModel::finish_step(Instant now, std::vector<Token>& out) {
  out.clear();
  for (Sequence& sequence : running_) {
    const bool streamed = sequence.decoding();
    totals_.prefill_tokens += sequence.chunk;
    advance(sequence, streamed ? 1 : std::exchange(sequence.chunk, 0));
    if (!sequence.decoding()) continue;
    ++sequence.generated;
    ++totals_.output_tokens;
    out.push_back({.request = sequence.work.request,
                   .first = sequence.generated == 1,
                   .last = sequence.generated >= sequence.work.output_tokens,
                   .cached = sequence.generated == 1 ? sequence.cached : 0});
  }
  std::erase_if(running_, [&](Sequence& sequence) {
    if (sequence.generated < sequence.work.output_tokens) return false;
    release(sequence);
    return true;
  });
  begin_step(now);
}

void EngineModel::advance(Sequence& sequence, std::int64_t tokens) {
  sequence.computed += tokens;
  const auto chain = sequence.work.chain;
  const std::int64_t block = cache_.block_tokens();
  while (sequence.shared < chain.size() &&
         static_cast<std::int64_t>(sequence.shared + 1) * block <= sequence.computed) {
    cache_.share(chain[sequence.shared++]);
    sequence.owned -= block;
  }
}

void EngineModel::release(Sequence& sequence) {
  cache_.disown(std::exchange(sequence.owned, 0));
  cache_.release(sequence.work.chain.first(std::exchange(sequence.shared, 0)));
  if (sequence.work.lora != 0) --find_lora(sequence.work.lora)->users;
}

}  // namespace sovmesh::des

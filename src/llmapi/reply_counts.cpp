#include "llmapi/reply_counts.h"

#include <algorithm>

#include "base/append.h"

namespace sovmesh::llmapi {

UsageCounter::Choice& UsageCounter::at(std::size_t index) {
  if (choices_.size() <= index) choices_.resize(index + 1);
  return choices_[index];
}

bool UsageCounter::expects(const ReplyParser& event) const {
  const auto wanted = std::max<std::size_t>(shape_.prompts, 1) *
                      static_cast<std::size_t>(std::max(shape_.choices, 1));
  return std::ranges::all_of(event.choices(),
                             [wanted](const ReplyChoice& choice) { return choice.index < wanted; });
}

void UsageCounter::on_event(const ReplyParser& event) {
  for (const ReplyChoice& choice : event.choices()) {
    Choice& counted = at(choice.index);
    counted.seen = true;
    if (choice.bears_text) ++counted.chunks;
    if (choice.finish != FinishReason::none) last_finished_ = choice.index;
  }
  const ReplyUsage& usage = event.usage();
  const bool has_choices = !event.choices().empty();
  // A report without choices is about the one that has just ended: only there llama.cpp's running
  // count has the token that ended it.
  const std::size_t index = has_choices ? event.choices().front().index : last_finished_;
  if (event.timings().present) {
    const ReplyTimings& timings = event.timings();
    take_live(index, timings.predicted, timings.cached + timings.prompt, timings.cached);
  }
  if (event.progress().present) {
    const ReplyProgress& progress = event.progress();
    accepted_ = std::max({accepted_, progress.total, progress.processed});
    accepted_cached_ = progress.cached;
  }
  if (!usage.present) return;
  if (has_continuous_usage(dialect_) && has_choices) {
    take_live(index, usage.generated, usage.prompt, usage.cached);
  } else {
    take_final(usage, index);
  }
}

void UsageCounter::take_live(std::size_t index, std::int64_t generated, std::int64_t prompt,
                             std::int64_t cached) {
  any_live_ = true;
  Choice& choice = at(index);
  choice.live = std::max(choice.live, generated);
  choice.prompt = std::max(choice.prompt, prompt);
  choice.cached = cached;
}

void UsageCounter::take_final(const ReplyUsage& usage, std::size_t index) {
  ++finals_;
  if (dialect_ != Dialect::llama_cpp || finals_ == 1) {
    final_ = usage;
  } else {
    final_.generated += usage.generated;
    final_.reasoning += usage.reasoning;
    final_.prompt = std::max(final_.prompt, usage.prompt);
    final_.cached = std::min(final_.cached, usage.cached);
  }
  if (shape_.prompts <= 1) return;
  const std::size_t prompt = index / static_cast<std::size_t>(std::max(shape_.choices, 1));
  if (final_prompts_.size() <= prompt) final_prompts_.resize(prompt + 1);
  final_prompts_[prompt] = usage.prompt;
}

// llama.cpp reports choice by choice: a total is final when all have reported.
bool UsageCounter::all_final() const {
  if (finals_ == 0) return false;
  if (dialect_ != Dialect::llama_cpp) return true;
  const auto seen = std::ranges::count_if(choices_, [](const Choice& c) { return c.seen; });
  return finals_ >= static_cast<std::size_t>(seen);
}

std::int64_t UsageCounter::running() const {
  std::int64_t sum = 0;
  for (const Choice& choice : choices_)
    sum += std::max(choice.live, choice.chunks);  // a chunk with text is a token at least
  return sum;
}

std::int64_t UsageCounter::live_sum() const {
  std::int64_t sum = 0;
  for (const Choice& choice : choices_)
    sum += std::max<std::int64_t>(choice.live, 0);
  return sum;
}

TokenCounts UsageCounter::counts() const {
  TokenCounts counts;
  add_prompt(counts);
  counts.generated = running();
  if (any_live_ || accepted_ > 0) counts.source = CountSource::engine_live;
  if (!all_final()) {
    counts.generated = std::max(counts.generated, finals_ > 0 ? final_.generated : 0);
    return counts;
  }
  counts.generated = final_.generated;
  counts.reasoning = std::min(final_.reasoning, final_.generated);
  counts.live_generated = any_live_ ? live_sum() : -1;
  counts.source = CountSource::engine_final;
  return counts;
}

void UsageCounter::add_prompt(TokenCounts& counts) const {
  if (finals_ > 0) {
    counts.prompt = final_.prompt;
    counts.cached = final_.cached;
    if (dialect_ == Dialect::llama_cpp && !final_prompts_.empty()) {
      counts.prompt = 0;
      for (const std::int64_t prompt : final_prompts_)
        counts.prompt += prompt;
    }
  } else {
    counts.prompt = accepted_;
    counts.cached = accepted_cached_;
    for (const Choice& choice : choices_) {
      if (choice.prompt > counts.prompt) counts.cached = choice.cached;
      counts.prompt = std::max(counts.prompt, choice.prompt);
    }
  }
  counts.cached = std::min(counts.cached, counts.prompt);
}

void append_usage(std::string& out, Operation operation, const TokenCounts& counts,
                  bool hide_cached) {
  out += "{\"prompt_tokens\":";
  append_number(out, counts.prompt);
  if (operation != Operation::embeddings) {
    out += ",\"completion_tokens\":";
    append_number(out, counts.generated);
  }
  out += ",\"total_tokens\":";
  append_number(out, counts.prompt + counts.generated);
  if (operation != Operation::embeddings) {
    if (!hide_cached) {
      out += ",\"prompt_tokens_details\":{\"cached_tokens\":";
      append_number(out, counts.cached);
      out += ",\"audio_tokens\":0}";
    }
    out += ",\"completion_tokens_details\":{\"reasoning_tokens\":";
    append_number(out, counts.reasoning);
    out += ",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}";
  }
  out += '}';
}

}  // namespace sovmesh::llmapi

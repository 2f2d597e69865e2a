#include "sim/live_engine.h"

#include <algorithm>

namespace sovmesh::sim {
namespace {

// FNV-1a, with the bits spread at the end.
class WordHash {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes)
      state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    state_ = (state_ ^ 0xff) * 0x100000001b3;  // a border: "ab c" is not "a bc"
  }
  des::BlockKey key() const {
    const std::uint64_t mixed = (state_ ^ (state_ >> 32)) * 0xd6e8feb86659fd93;
    return mixed ^ (mixed >> 32);
  }

 private:
  std::uint64_t state_ = 0xcbf29ce484222325;
};

}  // namespace

LiveEngine::LiveEngine(rt::Loop& loop, const des::EngineSpec& spec)
    : loop_(loop), model_(spec), changed_(loop) {}

rt::Task<void> LiveEngine::run(rt::Event& stopping) {
  while (!stopping.is_set()) {
    catch_up();
    const auto end = model_.step_end();
    changed_.clear();
    const rt::Until until{end ? rt::Deadline::at(*end) : rt::Deadline::never(), &stopping};
    co_await changed_.wait(until);
  }
  for (const auto& [number, request] : sequences_)
    request->changed_.set();
}

des::RequestNumber LiveEngine::take_numbers(int count) {
  const des::RequestNumber first = next_number_;
  next_number_ += static_cast<des::RequestNumber>(count);
  return first;
}

void LiveEngine::catch_up() {
  while (model_.step_end() && *model_.step_end() <= loop_.now()) {
    model_.finish_step(*model_.step_end(), tokens_);
    for (const des::Token& token : tokens_)
      deliver(token);
  }
}

void LiveEngine::deliver(const des::Token& token) {
  const auto found = sequences_.find(token.request);
  if (found == sequences_.end()) return;
  Request& request = *found->second;
  ++request.made_[token.request - request.first_];
  if (token.first) request.cached_ = token.cached;
  request.changed_.set();
}

void LiveEngine::lose(des::RequestNumber number) {
  const auto found = sequences_.find(number);
  if (found == sequences_.end()) return;
  found->second->lost_ = true;
  found->second->changed_.set();
}

void LiveEngine::run_out_of_memory(std::chrono::milliseconds away) {
  catch_up();
  back_at_ = loop_.now() + away;
  for (const des::RequestNumber number : model_.crash(loop_.now(), back_at_))
    lose(number);
  changed_.set();
}

void LiveEngine::put_to_sleep() {
  catch_up();
  model_.put_to_sleep(loop_.now());
  changed_.set();
}

void LiveEngine::wake() {
  model_.wake(loop_.now());
  changed_.set();
}

std::vector<des::BlockKey> LiveEngine::chain_of(const Ask& ask) const {
  constexpr std::string_view kSpace = " \n\t\r";
  WordHash hash;
  hash.add(ask.salt);
  hash.add({reinterpret_cast<const char*>(&ask.lora), 1});
  std::vector<des::BlockKey> chain;
  std::int64_t words = 0;
  for (std::size_t at = ask.text.find_first_not_of(kSpace); at < ask.text.size();) {
    const std::size_t end = std::min(ask.text.find_first_of(kSpace, at), ask.text.size());
    hash.add(ask.text.substr(at, end - at));
    if (++words % model_.cache().block_tokens() == 0) chain.push_back(hash.key());
    at = ask.text.find_first_not_of(kSpace, end);
  }
  return chain;
}

LiveEngine::Request::Request(LiveEngine& engine, const Ask& ask)
    : engine_(engine),
      chain_(engine.chain_of(ask)),
      first_(engine.take_numbers(ask.choices)),
      made_(static_cast<std::size_t>(ask.choices)),
      changed_(engine.loop_) {
  engine.catch_up();
  for (int choice = 0; choice < ask.choices && fits_; ++choice) {
    const auto number = first_ + static_cast<des::RequestNumber>(choice);
    engine.sequences_.emplace(number, this);
    fits_ = engine.model_.submit({.request = number,
                                  .input_tokens = ask.prompt_tokens,
                                  .output_tokens = std::max<std::int64_t>(1, ask.answer_tokens),
                                  .chain = chain_,
                                  .lora = ask.lora},
                                 engine.loop_.now());
  }
  engine.changed_.set();
}

LiveEngine::Request::~Request() {
  for (std::size_t choice = 0; choice < made_.size(); ++choice) {
    const auto number = first_ + static_cast<des::RequestNumber>(choice);
    if (engine_.sequences_.erase(number) > 0) engine_.model_.cancel(number);
  }
}

std::int64_t LiveEngine::Request::made() const { return std::ranges::min(made_); }

// How long a request waits in the engine's queue is for its client to bound.
rt::Task<Pace::Wait> LiveEngine::Request::wait(Wire& wire, std::int64_t tokens) {
  while (!has(tokens)) {
    if (lost_) co_return Wait::engine_failed;
    changed_.clear();
    if (!co_await wire.wait(changed_)) co_return Wait::client_gone;
  }
  co_return Wait::ready;
}

}  // namespace sovmesh::sim

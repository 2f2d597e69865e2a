#include "routing/kv_events.h"

namespace sovmesh::routing {

KvEvents::KvEvents(PrefixIndex& index, EndpointIndex endpoint, std::string_view model,
                   std::string_view salt)
    : index_(index), endpoint_(endpoint), model_(model), salt_(salt) {}

bool KvEvents::stored(const BlocksStored& event) {
  const std::size_t blocks = event.engine_hashes.size();
  if (event.block_tokens < 1 || event.block_tokens > BlockChain::kTokenBlockMax ||
      blocks > BlockChain::kBlocksMax || event.tokens.size() != blocks * event.block_tokens)
    return false;
  const auto chain = [&]() -> std::optional<BlockChain> {
    if (!event.parent) {
      const BlockKey seed = chain_seed({.model = model_, .lora = event.lora, .salt = salt_});
      return BlockChain::of_tokens(seed, event.block_tokens);
    }
    const auto parent = known_.find(*event.parent);
    if (parent == known_.end()) return std::nullopt;
    return BlockChain::behind(parent->second, event.block_tokens);
  }();
  if (!chain || known_.size() + blocks > kKnownMax) return false;
  BlockChain keys = *chain;
  keys.feed(event.tokens);
  for (std::size_t i = 0; i < blocks; ++i)
    known_.insert_or_assign(event.engine_hashes[i], keys.keys()[i]);
  index_.confirm(endpoint_, keys.keys(), event.tier);
  return true;
}

void KvEvents::removed(std::span<const std::uint64_t> engine_hashes) {
  for (const std::uint64_t hash : engine_hashes) {
    const auto known = known_.find(hash);
    if (known == known_.end()) continue;
    index_.remove(endpoint_, {&known->second, 1});
    known_.erase(known);
  }
}

void KvEvents::cleared() {
  known_.clear();
  index_.clear(endpoint_);
}

void KvEvents::gap(Instant now) { index_.suspect(endpoint_, now + kSuspectTime, now); }

}  // namespace sovmesh::routing

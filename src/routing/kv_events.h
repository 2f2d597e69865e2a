#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "routing/prefix_index.h"

namespace sovmesh::routing {

// What an engine tells about its cache, already decoded. Engines name blocks by hashes of their
// own.
struct BlocksStored {
  std::span<const std::uint64_t> engine_hashes;
  std::optional<std::uint64_t> parent;  // engine's hash of the block before the first one
  std::span<const std::uint32_t> tokens;
  std::size_t block_tokens = 0;
  std::string_view lora;
  Tier tier = Tier::gpu;
};

// One endpoint's events into the index: translates the engine's hashes to our keys. Where the
// subscriber of later plugs in: it decodes messages, checks their sequence numbers and calls this.
class KvEvents {
 public:
  static constexpr std::size_t kKnownMax = 1 << 20;  // blocks of one endpoint
  static constexpr std::chrono::seconds kSuspectTime{30};

  // `salt`: that of the tenants who use the endpoint under one salt; see ChainOwner. The strings
  // are copied.
  KvEvents(PrefixIndex& index, EndpointIndex endpoint, std::string_view model,
           std::string_view salt);

  // False when it cannot be placed: its parent is unknown or its sizes do not fit. It is then left
  // out.
  bool stored(const BlocksStored& event);
  void removed(std::span<const std::uint64_t> engine_hashes);
  void cleared();
  // A sequence number is missing and cannot be replayed.
  void gap(Instant now);

 private:
  PrefixIndex& index_;
  EndpointIndex endpoint_;
  std::string model_;
  std::string salt_;
  std::unordered_map<std::uint64_t, BlockKey> known_;  // at most kKnownMax
};

}  // namespace sovmesh::routing

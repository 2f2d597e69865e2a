#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"

namespace sovmesh::catalog {

// A public model: a name tenants call, on one engine, as the base model or one of its adapters.
struct Model {
  ModelId id;
  ModelName name;                    // unique
  std::string engine;                // name of the engine that serves it
  std::vector<std::string> engines;  // when several do: all of them, `engine` the first
  std::string engine_model;          // what that engine calls it
  std::optional<int> adapter;  // llama.cpp LoRA id; other engines name adapters by engine_model
  std::string owned_by = "sovereign-mesh";
  std::string artifact;  // "assistant@1.2": who sees it is bound by its release; empty: by nothing
  bool chat = true;
  bool completions = true;
  bool embeddings = false;
  // Who sees it: everybody, or exactly these tenants.
  bool for_all_tenants = true;
  std::set<TenantId> tenants;
  // What a request may ask for.
  std::int64_t context_tokens = 0;     // 0: the engine decides; snapshots: a managed engine's, too
  std::int64_t output_tokens_max = 0;  // 0: the context decides
  int choices_max = 8;                 // n
  std::set<std::string, std::less<>> extra_fields;  // unknown request fields that are passed on
  bool reject_unknown_fields = true;                // else they are dropped
  // Times; see docs/configuration.md.
  std::chrono::milliseconds first_token_timeout{60'000};
  std::chrono::milliseconds stall_timeout{15'000};
  std::chrono::milliseconds total_timeout{600'000};
  std::optional<std::chrono::milliseconds> commit_after{15'000};  // nothing: never
  std::int64_t revision = 0;
  WallTime created_at{};
  WallTime updated_at{};
  bool from_file = false;
  std::string source;       // "file:line" when from_file, the engine's name when discovered
  bool discovered = false;  // listed by its engine: in snapshots only, never stored
  // What clients are told of its end: in snapshots only, of one whose artifact is deprecated.
  struct Notice {
    std::optional<WallTime> since;  // nothing: nobody has noted it
    std::optional<WallTime> ends_at;
    friend bool operator==(const Notice&, const Notice&) = default;
  };
  std::optional<Notice> notice;
};

}  // namespace sovmesh::catalog

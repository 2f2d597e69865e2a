#pragma once

#include <map>
#include <string>
#include <utility>

#include "store/replay.h"

namespace sovmesh {

// Answers kept in memory; `full` takes none.
class MemoryReplays : public store::ReplayStore {
 public:
  Result<void> keep(TenantId tenant, RequestId request, const tenancy::ReplayPolicy&,
                    std::string_view answer) override {
    if (full) return our_error(Code::queue_full, "there is no room");
    answers[{tenant, request}] = answer;
    return {};
  }
  std::optional<std::string> find(TenantId tenant, RequestId request) override {
    const auto found = answers.find({tenant, request});
    if (found == answers.end()) return std::nullopt;
    return found->second;
  }
  void retain(const std::set<TenantId>& tenants) override {
    std::erase_if(answers, [&](const auto& entry) { return !tenants.contains(entry.first.first); });
  }

  std::map<std::pair<TenantId, RequestId>, std::string> answers;
  bool full = false;
};

}  // namespace sovmesh

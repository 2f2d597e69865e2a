#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "rt/loop.h"
#include "rt/net.h"

namespace sovmesh::rt {

// Asks for the addresses of a name, without any memory.
class LookUp {
 public:
  struct Answer {
    std::vector<IpAddress> addresses;
    std::chrono::seconds ttl{0};  // 0 when the source does not say
  };
  using Done = std::move_only_function<void(Result<Answer>)>;
  virtual ~LookUp() = default;
  // Calls `done` once: within this call, later on the loop's thread, or at the latest in the
  // destructor.
  virtual void start(const std::string& host, Done done) = 0;
};

// The memory in front of it. Per name:
//
//        answer            ttl over             asked, servers fail
//   ---------> fresh ------------------> stale <--------------------+
//                ^                        |  |  given out for kStale; asked again after kNegative
//                +------ answer ----------+  +----------------------+
//
// Concurrent questions for one name share one look-up. With a stale answer at hand nobody waits for
// a slow server longer than kPatience.
class CachingResolver final : public Resolver {
 public:
  static constexpr std::size_t kHostsMax = 1024;
  static constexpr std::size_t kParallelMax = 64;
  static constexpr std::chrono::seconds kTtlMin{5};
  static constexpr std::chrono::seconds kTtlMax{300};
  static constexpr std::chrono::hours kStale{1};
  static constexpr std::chrono::seconds kNegative{5};
  static constexpr std::chrono::milliseconds kPatience{1000};

  CachingResolver(Loop& loop, Random& random, std::unique_ptr<LookUp> look_up);
  ~CachingResolver() override;
  Task<Result<std::vector<IpAddress>>> resolve(std::string host, Until until) override;

  std::size_t remembered() const { return hosts_.size(); }

 private:
  struct Host;
  class Waiting;
  // Nothing when the memory is full of names that are being asked for.
  Host* find_or_add(const std::string& name);
  bool make_room();
  void ask(const std::string& name, Host& host);
  void answered(const std::string& name, Result<LookUp::Answer> answer);
  Result<std::vector<IpAddress>> best_of(const Host& host, Error otherwise) const;

  Loop& loop_;
  Random& random_;
  std::unordered_map<std::string, std::unique_ptr<Host>> hosts_;
  std::size_t asking_ = 0;
  std::unique_ptr<LookUp> look_up_;  // last: its destructor still calls answered()
};

}  // namespace sovmesh::rt

#include "routing/overload.h"

#include <algorithm>
#include <bit>

namespace sovmesh::routing {
namespace {

constexpr double kShedBatch = 0.80;
constexpr double kScaleFrom = 0.85;
constexpr double kScaleTo = 0.95;
constexpr double kCloseConnections = 0.92;
constexpr double kRefuseNew = 0.95;
constexpr double kStopAccept = 0.97;
constexpr std::size_t kBuckets = 8;

}  // namespace

double Pressures::largest() const { return *std::ranges::max_element(share); }

Pressures::Resource Pressures::which() const {
  return static_cast<Resource>(std::ranges::max_element(share) - share.begin());
}

std::string_view name(Pressures::Resource resource) {
  switch (resource) {
    case Pressures::memory:
      return "memory";
    case Pressures::fds:
      return "fds";
    case Pressures::streams:
      return "streams";
    case Pressures::loop_lag:
      return "loop_lag";
    case Pressures::ledger_queue:
      return "ledger_queue";
    case Pressures::disk:
      return "disk";
    case Pressures::kResources:
      break;
  }
  return "";
}

OverloadActions actions_at(double pressure) {
  return {.shed_batch = pressure >= kShedBatch,
          .timeout_scale = std::clamp((kScaleTo - pressure) / (kScaleTo - kScaleFrom), 0.0, 1.0),
          .reset_largest = pressure >= kScaleFrom,
          .close_connections = pressure >= kCloseConnections,
          .refuse_new = pressure >= kRefuseNew,
          .stop_accept = pressure >= kStopAccept};
}

std::chrono::milliseconds scaled_timeout(std::chrono::milliseconds usual, double scale,
                                         std::chrono::milliseconds min) {
  if (usual <= min) return usual;
  const std::chrono::duration<double, std::milli> above = (usual - min) * scale;
  return min + std::chrono::round<std::chrono::milliseconds>(above);
}

OverloadActions OverloadLadder::update(double pressure) {
  held_ = std::max(pressure, std::min(held_, pressure + kRelease));
  return actions_at(held_);
}

std::vector<std::size_t> largest_streams(std::span<const std::size_t> bytes) {
  std::array<std::vector<std::size_t>, kBuckets> buckets;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] < kResetBytesMin) continue;
    const auto power = static_cast<std::size_t>(std::bit_width(bytes[i] / kResetBytesMin)) - 1;
    buckets[std::min(power, kBuckets - 1)].push_back(i);
  }
  std::vector<std::size_t> result;
  for (auto bucket = buckets.rbegin(); bucket != buckets.rend(); ++bucket)
    for (const std::size_t i : *bucket)
      if (result.size() < kResetMax) result.push_back(i);
  return result;
}

bool sheds_before(const Sheddable& a, const Sheddable& b) {
  if (a.authenticated != b.authenticated) return !a.authenticated;
  if (a.over_quota != b.over_quota) return a.over_quota;
  if (a.batch != b.batch) return a.batch;
  const double over_a = std::max(a.over_share, 0.0);
  const double over_b = std::max(b.over_share, 0.0);
  if (over_a != over_b) return over_a > over_b;
  return a.arrived > b.arrived;
}

bool hopeless(Instant arrived, std::chrono::microseconds expected_first_token,
              std::chrono::microseconds deadline, Instant now) {
  return now - arrived + expected_first_token > deadline;
}

void AdmissionControl::on_result(bool ok, Instant now) {
  const std::int64_t number = second_of(now);
  Second& second = seconds_[static_cast<std::size_t>(number) % seconds_.size()];
  if (second.number != number) second = {.number = number};
  ++second.requests;
  second.ok += ok ? 1 : 0;
}

double AdmissionControl::refuse_probability(Instant now) const {
  const std::int64_t oldest = second_of(now) - static_cast<std::int64_t>(seconds_.size()) + 1;
  double requests = 0;
  double ok = 0;
  for (const Second& second : seconds_) {
    if (second.number < oldest) continue;
    requests += second.requests;
    ok += second.ok;
  }
  return std::clamp((requests - ok / kSuccessTarget) / (requests + 1), 0.0, kRefusedMax);
}

std::int64_t AdmissionControl::second_of(Instant now) {
  return std::chrono::floor<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace sovmesh::routing

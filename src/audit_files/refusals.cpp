#include "audit_files/refusals.h"

#include <algorithm>
#include <utility>

namespace sovmesh::audit_files {
namespace {

constexpr std::string_view kOther = "other";

}  // namespace

void RefusalCounts::add(std::string_view why, std::uint64_t count) {
  const auto found = by_reason_.find(why);
  if (found != by_reason_.end()) {
    found->second += count;
    return;
  }
  const bool has_place = by_reason_.size() + 1 < kReasonsMax;  // the last one is for the others
  by_reason_[std::string(has_place ? why : kOther)] += count;
}

void RefusalCounts::add(const RefusalCounts& other) {
  for (const auto& [why, count] : other.by_reason_)
    add(why, count);
}

std::uint64_t RefusalCounts::total() const {
  std::uint64_t sum = 0;
  for (const auto& [why, count] : by_reason_)
    sum += count;
  return sum;
}

std::string RefusalCounts::text() const {
  std::string out;
  for (const auto& [why, count] : by_reason_)
    out += (out.empty() ? "" : ", ") + why + " " + std::to_string(count);
  return out;
}

bool Refusals::admit(TenantId tenant, KeyId key, std::string_view why, Instant now) {
  if (holds_) {
    hold_one(why);
    return false;
  }
  go_on(now);
  const auto found = keys_.find(key);
  if (found == keys_.end() && keys_.size() >= kKeysMax) {
    other_keys_.add(why);
    has_counted_ = true;
    return false;
  }
  OfKey& of_key = found != keys_.end() ? found->second : keys_[key];
  of_key.tenant = tenant;
  if (of_key.own < kOwnMax) {
    ++of_key.own;
    return true;
  }
  of_key.counts.add(why);
  has_counted_ = true;
  return false;
}

void Refusals::count_stranger(std::string_view why, Instant now) {
  if (holds_) {
    hold_one(why);
    return;
  }
  go_on(now);
  strangers_.add(why);
  has_counted_ = true;
}

void Refusals::hold_one(std::string_view why) {
  held_.add(why);
  ++held_total_;
}

// The next minute begins with the first refusal behind the end of the last one; not while its sums
// still wait, so that a disk that takes nothing does not make them more and more.
void Refusals::go_on(Instant now) {
  if (ends_ && now >= *ends_ && due_.empty()) close();
  if (!ends_) ends_ = now + kWindow;
}

void Refusals::put(Whose whose, RefusalCounts& counts) {
  if (counts.total() == 0) return;
  due_.push_back(
      {.whose = whose, .tenant = {}, .key = {}, .counts = std::exchange(counts, RefusalCounts())});
}

void Refusals::close() {
  for (auto& [key, of_key] : keys_) {
    if (of_key.counts.total() > 0)
      due_.push_back({.tenant = of_key.tenant, .key = key, .counts = std::move(of_key.counts)});
  }
  keys_.clear();
  put(Whose::other_keys, other_keys_);
  put(Whose::strangers, strangers_);
  ends_.reset();
  has_counted_ = false;
}

void Refusals::fold() {
  close();
  put(Whose::all, held_);
  if (due_.size() < 2) return;
  RefusalCounts all;
  for (const RefusedSum& one : std::exchange(due_, {}))
    all.add(one.counts);
  held_total_ = all.total();
  put(Whose::all, all);
}

RefusalCounts Refusals::held() const {
  RefusalCounts all = held_;
  for (const RefusedSum& sum : due_)
    if (sum.whose == Whose::all) all.add(sum.counts);
  return all;
}

std::optional<Instant> Refusals::due_at() const {
  if (holds_) return std::nullopt;
  if (!due_.empty() || held_.total() > 0) return Instant::min();
  return has_counted_ ? ends_ : std::nullopt;
}

std::vector<RefusedSum> Refusals::due(Instant now, std::size_t most) {
  if (holds_) return {};
  if (due_.empty()) put(Whose::all, held_);
  if (due_.empty() && ends_ && now >= *ends_) close();
  return {due_.begin(), due_.begin() + static_cast<std::ptrdiff_t>(std::min(most, due_.size()))};
}

void Refusals::told(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    if (due_[i].whose == Whose::all) held_total_ -= due_[i].counts.total();
  due_.erase(due_.begin(), due_.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace sovmesh::audit_files

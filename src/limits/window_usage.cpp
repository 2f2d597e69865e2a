#include "limits/window_usage.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace sovmesh::limits {
namespace {

std::int64_t add_capped(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}

}  // namespace

WindowUsage::WindowUsage(Window window, Alignment alignment, TimeZone zone)
    : window_(window), zone_(zone) {
  if (alignment != Alignment::rolling) return;
  const auto [begin, end] = window_at(window, alignment, zone, WallTime());
  part_ = (end - begin) / kParts;
  parts_ = std::make_unique<Parts>();
}

void WindowUsage::move(WallTime now) {
  if (is_rolling()) {
    move_rolling(now);
  } else {
    move_calendar(now);
  }
}

void WindowUsage::move_calendar(WallTime now) {
  const Past left{{begin_, end_}, used_};
  const bool first = begin_ == end_;
  const bool back = now < begin_;
  Past entered{window_at(window_, Alignment::calendar, zone_, now), 0};
  for (std::optional<Past>& past : past_) {
    if (!past || past->period != entered.period) continue;
    entered.used = past->used;
    past.reset();
  }
  if (back && !first) entered.used = std::max(entered.used, left.used);
  begin_ = entered.period.begin;
  end_ = entered.period.end;
  used_ = entered.used;
  if (!first) remember(left);
}

void WindowUsage::remember(const Past& left) {
  // Of what is remembered only the latest window may be wanted again: time runs towards it.
  auto& [last, latest] = past_;
  if (last && last->period.begin > begin_ && (!latest || latest->period.begin < last->period.begin))
    latest = last;
  if (latest && latest->period.begin <= begin_) latest.reset();
  last = left;
}

void WindowUsage::move_rolling(WallTime now) {
  const std::int64_t index = part_of(now);
  if (begin_ == end_) {
    newest_ = index;
  } else if (index < newest_ - kParts) {
    go_back_to(index);
  } else if (index > newest_) {
    go_on_to(index);
  }
  begin_ = WallTime(newest_ * part_);
  end_ = begin_ + part_;
}

void WindowUsage::go_back_to(std::int64_t index) {
  if (!ahead_ || ahead_->newest <= newest_) ahead_ = Ahead{newest_, used_};
  parts_->fill(0);
  newest_ = index;
  part(index) = used_;
}

void WindowUsage::go_on_to(std::int64_t index) {
  const std::int64_t passed = std::min(index - newest_, kParts + 1);
  newest_ = index;
  for (std::int64_t i = 0; i < passed; ++i)
    used_ -= std::exchange(part(newest_ - i), 0);
  if (!ahead_ || ahead_->newest > newest_) return;
  if (ahead_->newest >= newest_ - kParts && ahead_->used > used_) {
    part(ahead_->newest) += ahead_->used - used_;
    used_ = ahead_->used;
  }
  ahead_.reset();
}

std::int64_t WindowUsage::part_of(WallTime time) const {
  const std::int64_t us = time.time_since_epoch().count();
  const std::int64_t length = part_.count();
  return us >= 0 ? us / length : (us + 1) / length - 1;
}
std::int64_t& WindowUsage::part(std::int64_t index) const {
  constexpr std::int64_t kSize = kParts + 1;
  const std::int64_t place = (index % kSize + kSize) % kSize;
  return (*parts_)[static_cast<std::size_t>(place)];
}
// The newest instant of a part counts for one window; so does all of the part.
WallTime WindowUsage::free_at_part(std::int64_t index) const {
  return WallTime((index + 1 + kParts) * part_);
}

void WindowUsage::add(std::int64_t amount) {
  const std::int64_t before = used_;
  used_ = add_capped(used_, amount);
  if (is_rolling()) part(newest_) += used_ - before;
}

void WindowUsage::take_back(std::int64_t amount, WallTime added_at) {
  if (is_rolling()) {
    const std::int64_t index = std::min(part_of(added_at), newest_);
    if (index < newest_ - kParts) return;
    const std::int64_t back = std::min(amount, part(index));
    part(index) -= back;
    used_ -= back;
    return;
  }
  if (begin_ <= added_at && added_at < end_) {
    used_ -= std::min(amount, used_);
    return;
  }
  for (std::optional<Past>& past : past_)
    if (past && past->period.contains(added_at)) past->used -= std::min(amount, past->used);
}

void WindowUsage::add_past(std::int64_t amount, WallTime at) {
  if (!is_rolling()) {
    if (at >= begin_) add(amount);
    return;
  }
  const std::int64_t index = std::min(part_of(at), newest_);
  if (index < newest_ - kParts) return;
  const std::int64_t before = used_;
  used_ = add_capped(used_, amount);
  part(index) += used_ - before;
}

std::optional<WallTime> WindowUsage::free_at(std::int64_t amount) const {
  if (is_endless()) return std::nullopt;
  if (!is_rolling()) return end_;
  std::int64_t freed = 0;
  WallTime at = begin_;
  for (std::int64_t index = newest_ - kParts; index <= newest_ && freed < amount; ++index) {
    if (part(index) == 0) continue;
    freed += part(index);
    at = free_at_part(index);
  }
  return at;
}

std::optional<WallTime> WindowUsage::window_start(WallTime now) const {
  if (is_endless()) return std::nullopt;
  return is_rolling() ? now - rolling_length() : begin_;
}

std::optional<WallTime> WindowUsage::reset_at() const {
  if (is_endless() || (is_rolling() && used_ == 0)) return std::nullopt;
  return is_rolling() ? free_at(used_) : end_;
}

bool WindowUsage::is_over(WallTime now) const {
  if (is_rolling() && ahead_ && now < free_at_part(ahead_->newest)) return false;
  if (is_rolling()) return used_ == 0 || now >= free_at_part(newest_);
  const bool later = std::ranges::any_of(
      past_, [&](const std::optional<Past>& past) { return past && past->period.end > now; });
  return now >= end_ && !later;
}

}  // namespace sovmesh::limits

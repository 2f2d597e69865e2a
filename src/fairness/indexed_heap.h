#pragma once

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <vector>

namespace sovmesh::fairness {

constexpr std::uint32_t kNowhere = 0xFFFF'FFFF;

// A 4-ary heap, smallest key first, whose members know their place in it, so that any of them can
// be moved or taken out in O(log n). `place(id)` gives a reference to where member `id` keeps its
// place: kNowhere when it is not in the heap. Gives no memory back.
template <class Key>
class IndexedHeap {
 public:
  struct Entry {
    Key key;
    std::uint32_t id;
  };

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  const Entry& top() const { return entries_.front(); }
  const Entry& at(std::uint32_t position) const { return entries_[position]; }

  template <class Place>
  void push(const Key& key, std::uint32_t id, Place place) {
    assert(place(id) == kNowhere);
    entries_.push_back({key, id});
    up(static_cast<std::uint32_t>(entries_.size() - 1), place);
  }

  template <class Place>
  void update(const Key& key, std::uint32_t id, Place place) {
    const std::uint32_t position = place(id);
    const bool smaller = key < entries_[position].key;
    entries_[position].key = key;
    if (smaller)
      up(position, place);
    else
      down(position, place);
  }

  template <class Place>
  void erase(std::uint32_t id, Place place) {
    const std::uint32_t position = place(id);
    place(id) = kNowhere;
    const Entry last = entries_.back();
    entries_.pop_back();
    if (position == entries_.size()) return;
    entries_[position] = last;
    place(last.id) = position;
    up(position, place);
    down(place(last.id), place);
  }

  // Calls `visit(entry)` for the smallest entries in order, at most kVisitMax, until it says false.
  static constexpr std::size_t kVisitMax = 16;
  template <class Visit>
  void smallest(Visit visit) const {
    std::array<std::uint32_t, kVisitMax*(kArity - 1) + 1> frontier;
    std::size_t size = 0;
    if (!empty()) frontier[size++] = 0;
    for (std::size_t visited = 0; size > 0 && visited < kVisitMax; ++visited) {
      const auto least = std::min_element(
          frontier.begin(), frontier.begin() + static_cast<std::ptrdiff_t>(size),
          [&](std::uint32_t a, std::uint32_t b) { return entries_[a].key < entries_[b].key; });
      const std::uint32_t position = *least;
      *least = frontier[--size];
      if (!visit(entries_[position])) return;
      for (std::uint32_t child = position * kArity + 1;
           child <= position * kArity + kArity && child < entries_.size(); ++child)
        if (size < frontier.size()) frontier[size++] = child;
    }
  }

 private:
  static constexpr std::uint32_t kArity = 4;

  template <class Place>
  void up(std::uint32_t position, Place place) {
    const Entry moving = entries_[position];
    while (position > 0) {
      const std::uint32_t parent = (position - 1) / kArity;
      if (!(moving.key < entries_[parent].key)) break;
      entries_[position] = entries_[parent];
      place(entries_[position].id) = position;
      position = parent;
    }
    entries_[position] = moving;
    place(moving.id) = position;
  }

  template <class Place>
  void down(std::uint32_t position, Place place) {
    const Entry moving = entries_[position];
    const auto size = static_cast<std::uint32_t>(entries_.size());
    while (true) {
      const std::uint32_t first = position * kArity + 1;
      if (first >= size) break;
      std::uint32_t least = first;
      for (std::uint32_t child = first + 1; child < std::min(first + kArity, size); ++child)
        if (entries_[child].key < entries_[least].key) least = child;
      if (!(entries_[least].key < moving.key)) break;
      entries_[position] = entries_[least];
      place(entries_[position].id) = position;
      position = least;
    }
    entries_[position] = moving;
    place(moving.id) = position;
  }

  std::vector<Entry> entries_;
};

}  // namespace sovmesh::fairness

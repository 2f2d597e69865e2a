#pragma once

#include <memory>
#include <utility>

#include "base/guarded.h"

namespace sovmesh {

// An immutable value that is replaced as a whole. Readers on any thread get() and keep what they
// got for as long as they like (a request pins one); one writer at a time publishes the next. A
// short lock and not std::atomic<shared_ptr>: libstdc++ 12's is a lock as well, and one that TSan
// cannot see.
template <class T>
class Snapshot {
 public:
  explicit Snapshot(std::shared_ptr<const T> first) : value_(std::move(first)) {}
  std::shared_ptr<const T> get() const {
    return value_.with([](const std::shared_ptr<const T>& value) { return value; });
  }
  void publish(std::shared_ptr<const T> next) {
    // The old value dies outside the lock: it may be large.
    value_.with([&next](std::shared_ptr<const T>& value) { value.swap(next); });
  }

 private:
  mutable Guarded<std::shared_ptr<const T>> value_;
};

}  // namespace sovmesh

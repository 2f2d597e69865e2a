#include "rt/task_group.h"

#include <atomic>
#include <cassert>
#include <cstdio>
#include <utility>

#include "rt/loop.h"

namespace sovmesh::rt {
namespace {

void write_escape(std::exception_ptr escaped) {
  try {
    std::rethrow_exception(std::move(escaped));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "a task ended with an exception: %s\n", e.what());
  } catch (...) {
    std::fputs("a task ended with an unknown exception\n", stderr);
  }
}

std::atomic<TaskGroup::OnEscape> on_escape = write_escape;

}  // namespace

struct TaskGroup::Node {
  TaskGroup& group;
  Node* previous = nullptr;
  Node* next = nullptr;
  std::coroutine_handle<> frame;
};

struct TaskGroup::Runner {
  struct promise_type : Node {
    promise_type(TaskGroup& group, Task<void>& /*task*/) : Node{.group = group} {
      frame = std::coroutine_handle<promise_type>::from_promise(*this);
      group.add(*this);
    }
    promise_type(const promise_type&) = delete;
    promise_type& operator=(const promise_type&) = delete;
    // Runs when the task is over and when the group destroys it, after the task's own frame.
    ~promise_type() { group.remove(*this); }
    Runner get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() noexcept { on_escape.load()(std::current_exception()); }
  };
};

TaskGroup::Runner TaskGroup::run(TaskGroup& /*group*/, Task<void> task) {
  co_await std::move(task);
}

void TaskGroup::set_on_escape(OnEscape hook) { on_escape = hook != nullptr ? hook : write_escape; }

TaskGroup::TaskGroup(Loop& loop, std::size_t max_tasks)
    : loop_(loop), max_tasks_(max_tasks), cancelled_(loop), idle_(loop) {
  idle_.set();
}

TaskGroup::~TaskGroup() {
  assert(size_ == 0 || loop_.has_ended());
  while (head_ != nullptr)
    head_->frame.destroy();
}

void TaskGroup::spawn(Task<void> task) {
  assert(!full());
  run(*this, std::move(task));
}

void TaskGroup::add(Node& node) {
  node.next = head_;
  if (head_ != nullptr) head_->previous = &node;
  head_ = &node;
  ++size_;
  idle_.clear();
}

void TaskGroup::remove(Node& node) {
  (node.previous != nullptr ? node.previous->next : head_) = node.next;
  if (node.next != nullptr) node.next->previous = node.previous;
  if (--size_ == 0) idle_.set();
}

Task<bool> TaskGroup::join(Until until) {
  while (size_ > 0) {
    if (co_await idle_.wait(until) != Wake::ready) break;
  }
  co_return size_ == 0;
}

}  // namespace sovmesh::rt

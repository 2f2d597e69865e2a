#pragma once

#include <cstddef>
#include <exception>

#include "rt/event.h"
#include "rt/task.h"

namespace sovmesh::rt {

// Owns concurrently running tasks of one worker. Every spawn joins a group and the group's owner
// awaits join(); destroying a group that still has running tasks is an assertion, except in a loop
// that has ended (then the frames are destroyed, newest first). A spawned coroutine takes its
// arguments by value. An exception that leaves a task is logged by the `on_escape` hook and ends
// that task alone.
class TaskGroup {
 public:
  // Gets what leaves a task of any group, on the thread of that group. The first one writes to
  // standard error. Set it once, before the workers start.
  using OnEscape = void (*)(std::exception_ptr);
  static void set_on_escape(OnEscape hook);

  // At most `max_tasks` run at once: spawn() beyond it fails an assertion, so callers ask full()
  // first.
  TaskGroup(Loop& loop, std::size_t max_tasks);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  // Starts `task` now, up to its first suspension.
  void spawn(Task<void> task);
  bool full() const { return size_ >= max_tasks_; }
  std::size_t size() const { return size_; }

  // Set by cancel() and by nobody else; tasks wait with Until{deadline, &group.cancelled()}.
  Event& cancelled() { return cancelled_; }
  void cancel() { cancelled_.set(); }

  // Waits until no task runs any more; says whether that was reached.
  Task<bool> join(Until until);

 private:
  struct Node;
  struct Runner;  // the coroutine that runs one task and removes itself; its frame holds the Node
  static Runner run(TaskGroup& group, Task<void> task);
  void add(Node& node);
  void remove(Node& node);

  Loop& loop_;
  std::size_t max_tasks_;
  std::size_t size_ = 0;
  Node* head_ = nullptr;
  Event cancelled_;
  Event idle_;  // set while size_ == 0
};

}  // namespace sovmesh::rt

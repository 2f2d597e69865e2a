#pragma once

#include <cstddef>

#include "rt/event.h"
#include "rt/task.h"

namespace sovmesh::rt {

// Owns concurrently running tasks of one worker. Every spawn joins a group and the group's owner
// awaits join(); destroying a group that still has running tasks is an assertion, except in a loop
// that has ended (then the frames are destroyed). A spawned coroutine takes its arguments by value.
// An exception that leaves a task is logged by the `on_escape` hook and ends that task alone.
class TaskGroup {
 public:
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
  struct Runner;  // the detached-frame coroutine that runs one task and removes itself
  static Runner run(Node* node);
  void finished(Node* node);

  Loop& loop_;
  std::size_t max_tasks_;
  std::size_t size_ = 0;
  Node* head_ = nullptr;
  Event cancelled_;
  Event idle_;  // set while size_ == 0
};

}  // namespace sovmesh::rt

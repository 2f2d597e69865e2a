#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"
#include "control/directory_publisher.h"
#include "store/audit.h"
#include "store/control_store.h"

namespace sovmesh::control {

// Changes of what the data path goes by, each with its entry in the audit log. The two are on
// different files, so the order is (docs/audit.md, "A change and its entry"):
//
//   mark       control.db says that a change begins
//   write      one transaction, held open: the change, and the mark is removed
//   entry      durable in the audit log
//   commit     the change is stored, the mark is gone
//   publish    it takes effect
//
// A tenant of whom anything is under legal hold is not removed, neither here nor by the file.
//
// What fails before the commit undoes all of it. A mark that is found later tells of a change that
// was not made: an entry with outcome "failed" says so before anything else is changed. Blocks; any
// thread.
class RecordedChanges {
 public:
  using State = DirectoryPublisher::State;
  using Agree = DirectoryPublisher::Agree;

  struct Parts {
    store::ControlStore& store;
    DirectoryPublisher& publisher;
    store::Audit* audit = nullptr;  // null: changes have no entries
    // Makes whoever counts by limits, or shares by pools, go by these, all or nothing. Empty:
    // nobody does.
    std::function<Result<void>(const State&)> use = {};
  };
  explicit RecordedChanges(Parts parts) : parts_(std::move(parts)), turn_() {}

  // What is told of a change when it has been written and nobody sees it yet; nothing when it turns
  // out to change nothing.
  using Tell = std::function<Result<std::optional<store::AdminEntry>>(store::ControlStore&)>;
  // `change` hands what it is given to the publisher. `action`: of the entry.
  Result<void> make(const std::string& action,
                    const std::function<Result<void>(const Agree&)>& change, const Tell& tell);
  // Tells of a change that the process before this one began and did not make. At the start.
  Result<void> settle();

 private:
  struct Turn {};
  Result<void> make_alone(const std::string& action,
                          const std::function<Result<void>(const Agree&)>& change,
                          const Tell& tell);
  Result<void> settle_alone();
  // The tenants of which something is held.
  Result<std::vector<tenancy::Tenant>> held_tenants();

  Parts parts_;
  Guarded<Turn> turn_;  // one mark, so one change at a time
};

}  // namespace sovmesh::control

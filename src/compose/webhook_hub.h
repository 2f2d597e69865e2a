#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/guarded.h"
#include "base/random.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "control/event_log.h"
#include "control/webhooks.h"
#include "http/client.h"
#include "identity/authenticator.h"
#include "rt/event.h"
#include "rt/loop.h"
#include "rt/task.h"
#include "rt/task_group.h"
#include "store/control_store.h"
#include "webhook/allowed.h"
#include "webhook/sender.h"

namespace sovmesh::compose {

// Delivers events to the webhooks of the admin API, each by a sender of its own, so that one whose
// receiver hangs keeps nobody else waiting. Follows the webhooks that are published and the event
// log; whoever changes or notes something never waits for it.
//
//   waiting    ids of events, at most kWaitingMax: what finds no room is dropped and counted; so is
//              what the log keeps no longer when its turn comes
//   in sender  bodies, at most kAhead
//
// What waits is in memory and gone with the process. One worker's, where nothing else is said.
class WebhookHub {
 public:
  static constexpr std::chrono::milliseconds kLook{250};
  static constexpr std::size_t kWaitingMax = 1'000;
  static constexpr std::size_t kAhead = 32;
  static constexpr std::size_t kEventsAtOnce = 500;  // read of the log
  static constexpr std::size_t kStartsAtOnce = 32;   // senders of one look
  static constexpr std::chrono::seconds kEnd{5};     // for senders to end, when the process stops

  using Records = std::vector<store::WebhookRecord>;
  struct Parts {
    const Snapshot<Records>& records;
    control::EventLog& events;
    const identity::Authenticator& authenticator;
    webhook::Allowed allowed;
    rt::Loop& loop;
    http::ClientPool& pool;
    Random& random;
    std::shared_ptr<const rt::TlsClientContext> tls = {};  // of all senders; nothing: no https://
  };
  explicit WebhookHub(Parts parts);

  // Until `stopping` is set, and its senders have ended.
  rt::Task<void> run(rt::Event& stopping);

  // Any thread, from here on.
  control::WebhookDesk desk();
  control::WebhookReport report(store::WebhookId id);
  void test(store::WebhookId id, std::optional<control::Event::Tenant> tenant);
  webhook::Sender::Stats stats();  // of all there were

 private:
  struct Hook {
    explicit Hook(rt::Loop& loop) : stop(loop) {}
    store::WebhookRecord record;
    std::int64_t first_seen = 0;              // the log's newest event then
    bool is_wanted = false;                   // to run
    std::string trouble;                      // why it cannot; empty: nothing is wrong
    std::unique_ptr<webhook::Sender> sender;  // null: it does not run
    bool has_ended = false;                   // its sender
    rt::Event stop;                           // of its sender
    std::deque<std::int64_t> waiting;         // ids of events, oldest first
    std::optional<std::string> test;          // the body of one that waits behind them
    webhook::Sender::Stats past;              // of senders that are gone, and of `waiting`
    std::optional<webhook::Sender::Attempt> last;
    webhook::Sender::Stats stats() const;
    control::WebhookReport report() const;
    void drop_waiting();
  };
  using Hooks = std::map<store::WebhookId, std::unique_ptr<Hook>>;

  rt::Task<void> deliver(Hook* hook);
  void look();
  void take_records();
  void use(Hook& hook, const store::WebhookRecord& record);
  std::optional<webhook::Target> target_of(Hook& hook);
  void start_or_stop(Hook& hook);
  void start(Hook& hook);
  void take_tests();
  void take_events();
  void take_event(const control::EventLog::Noted& noted);
  void feed(Hook& hook);
  void tell();

  Parts parts_;
  std::shared_ptr<const Records> records_;  // as they were used last
  Hooks hooks_;
  std::int64_t seen_ = 0;        // of the log
  webhook::Sender::Stats gone_;  // of hooks that are no more
  std::size_t starts_left_ = 0;  // in this look
  rt::TaskGroup tasks_;
  struct Told {
    std::map<store::WebhookId, control::WebhookReport> reports;
    webhook::Sender::Stats all;
    // Wanted, with whose they are.
    std::map<store::WebhookId, std::optional<control::Event::Tenant>> tests;
  };
  Guarded<Told> told_;
};

}  // namespace sovmesh::compose

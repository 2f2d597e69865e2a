#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "rt/task_group.h"
#include "sim/answer.h"
#include "sim/engine_sim.h"
#include "sim/event_writer.h"
#include "sim/job.h"
#include "sim/live_engine.h"
#include "sim/pace.h"
#include "sim/slot_gate.h"
#include "sim/wire.h"

namespace sovmesh::sim {

struct EngineSim::Impl {
  // One completion, from its arrival to its end, whatever that is: counts and record follow it.
  class Ticket {
   public:
    Ticket(Impl& sim, std::uint64_t id) : sim_(sim), id_(id) {}
    Ticket(const Ticket&) = delete;
    Ticket& operator=(const Ticket&) = delete;
    ~Ticket() { sim_.close(*this); }
    bool end(SimOutcome outcome, bool keep_connection) {
      outcome_ = outcome;
      return keep_connection;
    }
    bool ends_finished() { return end(SimOutcome::finished, true); }
    bool ends_failed() { return end(SimOutcome::failed, false); }
    bool ends_cancelled() { return end(SimOutcome::cancelled, false); }
    void prefilled(const Job& job);
    void generated(std::int64_t count = 1);
    std::int64_t tokens() const { return generated_; }

   private:
    friend struct Impl;
    Impl& sim_;
    std::uint64_t id_;
    SimOutcome outcome_ = SimOutcome::cancelled;
    std::int64_t prompt_ = 0;
    std::int64_t generated_ = 0;
  };

  Impl(rt::Loop& l, EngineSimOptions o);

  // engine_sim.cpp: connections, bookkeeping
  rt::Task<void> converse(std::unique_ptr<rt::Socket> socket);
  rt::Task<bool> answer(Wire& wire, SimRequest& request);
  rt::Task<bool> respond(Wire& wire, std::int64_t status, std::string_view type, std::string body,
                         const FaultSet& faults);
  EngineSimCounts counts_now() const;
  void set_faults(std::vector<Fault> faults);
  void keep(SimRequest& request, std::string_view body);
  void close(const Ticket& ticket);
  void look_up_cache(Job& job);

  // pages.cpp: what is no completion
  rt::Task<bool> answer_page(Wire& wire, const SimRequest& request);
  rt::Task<bool> answer_sleep_page(Wire& wire, const SimRequest& request);
  std::string models_page() const;
  std::string info_page() const;
  std::string iteration_page();
  std::string metrics_page() const;
  std::string requests_page() const;
  std::string counts_page() const;
  Result<void> replace_faults(std::string_view text);

  // completion.cpp: one answer
  rt::Task<bool> complete(Wire& wire, Ticket& ticket, llmapi::Operation operation);
  rt::Task<std::optional<bool>> before_answer(Wire& wire, Ticket& ticket, const FaultSet& faults);
  std::optional<std::uint8_t> lora_of(std::string_view model) const;
  rt::Task<bool> perform(Wire& wire, Ticket& ticket, const Job& job, const FaultSet& faults);
  rt::Task<bool> perform_in_engine(Wire& wire, Ticket& ticket, const Job& job,
                                   const FaultSet& faults);
  rt::Task<bool> deliver(Wire& wire, Ticket& ticket, const Job& job, const FaultSet& faults,
                         Pace& pace);
  rt::Task<bool> stream(Wire& wire, Ticket& ticket, const Job& job, const FaultSet& faults,
                        Pace& pace);
  rt::Task<bool> tokens(Wire& wire, EventWriter& writer, Ticket& ticket, const Job& job,
                        const FaultSet& faults, const Answer& answer, Pace& pace);
  rt::Task<bool> ending(Wire& wire, EventWriter& writer, Ticket& ticket, const Job& job,
                        const FaultSet& faults, const Answer& answer);
  // What happens after so many tokens: goes on with nothing, or has ended the answer.
  rt::Task<std::optional<bool>> strike(Wire& wire, EventWriter& writer, Ticket& ticket,
                                       const FaultSet& faults);
  rt::Task<bool> break_off(Wire& wire, EventWriter& writer, Ticket& ticket,
                           std::string_view message);
  rt::Task<bool> plain(Wire& wire, Ticket& ticket, const Job& job, const FaultSet& faults,
                       Pace& pace);
  rt::Task<bool> refuse(Wire& wire, Ticket& ticket, std::int64_t status, std::string_view message);
  rt::Task<bool> refuse_length(Wire& wire, Ticket& ticket, const Job& job);
  bool is_overloaded() const;
  rt::Task<bool> refuse_overload(Wire& wire, Ticket& ticket);
  double rate(const FaultSet& faults) const;

  rt::Loop& loop;
  EngineSimOptions options;
  EngineSimCounts counts;
  std::deque<SimRequest> records;
  std::uint64_t last_id = 0;
  std::int64_t steps_shown = 0;  // when their figures were last asked for
  // The last prompt of each salt or slot; bounded by dropping all.
  static constexpr std::size_t kCachesMax = 1'024;
  std::map<std::string, std::string> caches;
  SlotGate gate;
  std::optional<LiveEngine> engine;
  rt::Event stopping;
  rt::TaskGroup connections;
};

}  // namespace sovmesh::sim

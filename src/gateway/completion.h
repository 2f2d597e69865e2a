#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "gateway/client_stream.h"
#include "gateway/engine_health.h"
#include "gateway/idempotency.h"
#include "gateway/plan.h"
#include "gateway/record.h"
#include "gateway/relay.h"
#include "gateway/services.h"
#include "http/exchange.h"
#include "llmapi/request.h"
#include "rt/task.h"

namespace sovmesh::gateway {

// Chat, completions and embeddings: the request path of docs/life-of-a-request.md, read top to
// bottom in run() and relay(). One object serves all requests of all workers.
class CompletionService {
 public:
  CompletionService(const Services& services, const Settings& settings)
      : services_(services), settings_(settings) {}

  // `record.caller` is proven already. Answers in every case.
  // Once an engine has been asked, the record is its request's, which goes on with the exchange.
  SM_OWN_FRAME rt::Task<void> serve(http::Exchange& exchange, WorkerState& worker,
                                    llmapi::Operation operation,
                                    std::unique_ptr<RequestRecord>& record) const;

 private:
  // An error: the client has not been told yet.
  rt::Task<Result<void>> run(http::Exchange& exchange, WorkerState& worker,
                             llmapi::Operation operation, ClientStream& client,
                             std::unique_ptr<RequestRecord>& record) const;
  // The second half: an engine works on it.
  SM_OWN_FRAME rt::Task<void> relay(std::unique_ptr<RelayJob> job) const;
  // Nothing has gone to the client, and the request waits for another seat.
  SM_OWN_FRAME rt::Task<Result<void>> seat_anew(RelayJob& job, Error failed) const;
  SM_OWN_FRAME rt::Task<Result<void>> ask_another(RelayJob& job, Error failed) const;
  SM_OWN_FRAME rt::Task<Result<void>> begin_again(RelayJob& job) const;
  SM_OWN_FRAME rt::Task<void> end(std::unique_ptr<RelayJob> job, Result<void> relayed) const;
  SM_OWN_FRAME rt::Task<Result<Plan>> plan(http::Exchange& exchange, llmapi::Operation operation,
                                           RequestRecord& record) const;
  // An error: it is known to break engines.
  Result<void> note_body(Plan& plan, const RequestRecord& record) const;
  // On any engine but `avoid`. `left`: the seat that it has given way from.
  SM_OWN_FRAME rt::Task<Result<Seat>> seat(http::Exchange& exchange, const Plan& plan,
                                           const engine::Engine* avoid, RequestRecord& record,
                                           Seat left = {}) const;
  SeatRequest seat_request(const Plan& plan, const RequestRecord& record) const;
  void note_decision(const Plan& plan, const RequestRecord& record, Result<Seat>& seat,
                     std::chrono::nanoseconds waited) const;
  // Which model it is for and why.
  void note_choice(const ChosenModel& chosen, Plan& plan, RequestRecord& record) const;
  // What asks an engine, and then perhaps another one.
  struct Ask {
    http::Exchange& exchange;
    WorkerState& worker;
    Plan& plan;
    Attempts& attempts;
    Admission& admission;
    Seat& seat;
    std::unique_ptr<http::ClientCall>& call;
    RequestRecord& record;
  };
  // Sends the request to the seat's engine, and to another one when that cannot be reached.
  SM_OWN_FRAME rt::Task<Result<void>> send(Ask ask) const;
  // The same of a request whose row is open: the row says who answers.
  SM_OWN_FRAME rt::Task<Result<void>> send_anew(RelayJob& job, Ask ask) const;
  // The engine has failed and nothing has gone to the client: takes a seat on another one, if the
  // request may go there. An error: what the client gets.
  SM_OWN_FRAME rt::Task<Result<void>> move_on(Ask ask, Error failed, bool was_accepted,
                                              bool has_answered) const;
  // Gives the seat to whoever waits, pauses, and takes another one, on any engine but `avoid`.
  // Code::client_closed: its client has hung up meanwhile.
  SM_OWN_FRAME rt::Task<Result<void>> change_seat(Ask ask, std::chrono::milliseconds delay,
                                                  const engine::Engine* avoid) const;
  // Before another engine is asked, where so many were; nothing: it is not.
  std::optional<std::chrono::milliseconds> delay_before(const Ask& ask, int made) const;

  // fallback.cpp: other models take the place of a route's version.
  // A seat on an engine of the model or of a fallback: the first one, or after that which it has
  // given way from.
  SM_OWN_FRAME rt::Task<Result<void>> take_seat(Ask ask, Seat left = {}) const;
  // The engines of the model have failed and nothing has gone to the client: the request is for the
  // next fallback of its route, and has a seat there. An error: what the client gets.
  SM_OWN_FRAME rt::Task<Result<void>> fall_back(Ask ask, Error failed) const;
  // It is for this model from now on. An error: it cannot be.
  Result<Plan> change_model(const Ask& ask, const catalog::Model& next, std::string_view why) const;
  Result<void> admit_anew(const Ask& ask, const Plan& next) const;

  SM_OWN_FRAME rt::Task<Result<void>> dispatch(http::Exchange& exchange, Plan& plan,
                                               const Seat& seat, http::ClientCall& call,
                                               const RequestRecord& record) const;
  rt::Task<Result<IdempotencyClaim>> claim_when_over(http::Exchange& exchange, const Plan& plan,
                                                     const RequestRecord& record) const;
  rt::Task<Result<void>> answer_again(http::Exchange& exchange, llmapi::ReplyForm form,
                                      const ClientStream& client, RequestRecord& record,
                                      store::ClaimResult earlier) const;
  // A request that its tenant's settings are against, and that may be a repeat; an error: it is
  // none.
  Result<Plan> plan_refused(const http::RequestHead& head, llmapi::Operation operation,
                            std::string_view body, std::string_view wanted, RequestRecord& record,
                            Error refusal) const;
  // Its answer of before, or the refusal.
  rt::Task<Result<void>> answer_refused(http::Exchange& exchange, Plan& plan,
                                        const ClientStream& client, RequestRecord& record) const;
  Result<void> check_books() const;
  metering::Intent intent_of(const Plan& plan, const Admission& admission,
                             const RequestRecord& record) const;

  const Services& services_;
  const Settings& settings_;
};

}  // namespace sovmesh::gateway

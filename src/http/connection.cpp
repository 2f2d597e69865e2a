#include "http/connection.h"

#include "base/time_text.h"
#include "http/error_reply.h"
#include "http/http1_exchange.h"

namespace sovmesh::http {

std::string_view DateText::get(const rt::Loop& loop) {
  if (loop.now() >= valid_until_ || text_.empty()) {
    const WallTime now = loop.clock().wall_now();
    const auto second = std::chrono::floor<std::chrono::seconds>(now);
    text_ = to_http_date(second);
    valid_until_ = loop.now() + (std::chrono::seconds(1) - (now - second));
  }
  return text_;
}

ServerCore::ServerCore(rt::Loop& l, Handler& h, ServerOptions o)
    : loop(l),
      handler(h),
      options(std::move(o)),
      draining(l),
      cut_off(l),
      has_room(l),
      connections(l, options.limits.connections_max + 1),
      flushers(l, (options.limits.connections_max + 1)) {
  has_room.set();
}

ServerCore::~ServerCore() = default;

void ServerCore::look_at_room() {
  if (accepts && counters.open < options.limits.connections_max) {
    has_room.set();
  } else {
    has_room.clear();
  }
}

void ServerCore::cut_off_all() {
  cut_off.set();
  for (LiveConnection* live = first_; live != nullptr; live = live->next_) {
    if (live->socket_ != nullptr) {
      live->socket_->reset_on_close();
      live->socket_->hung_up().set();
    }
    if (live->gone_ != nullptr) live->gone_->set();
  }
}

std::unique_ptr<Http1Exchange> ServerCore::take_exchange() {
  if (spare_.empty()) return std::make_unique<Http1Exchange>(*this);
  auto exchange = std::move(spare_.back());
  spare_.pop_back();
  return exchange;
}

void ServerCore::give_back(std::unique_ptr<Http1Exchange> exchange) {
  if (spare_.size() < kSpareMax) spare_.push_back(std::move(exchange));
}

std::unique_ptr<IncomingHead> ServerCore::take_head() {
  if (spare_heads_.empty()) return std::make_unique<IncomingHead>();
  auto head = std::move(spare_heads_.back());
  spare_heads_.pop_back();
  return head;
}

void ServerCore::give_back(std::unique_ptr<IncomingHead> head) {
  if (head == nullptr || spare_heads_.size() >= kSpareMax) return;
  head->clear();
  spare_heads_.push_back(std::move(head));
}

LiveConnection::LiveConnection(ServerCore& core, rt::Socket& socket)
    : core_(core), socket_(&socket), next_(core.first_), ip_(core.by_ip_.end()) {
  if (next_ != nullptr) next_->previous_ = this;
  core_.first_ = this;
  if (const auto peer = socket.peer()) ++(ip_ = core_.by_ip_.try_emplace(peer->ip).first)->second;
  ++core_.counters.accepted;
  ++core_.counters.open;
  core_.look_at_room();
}

LiveConnection::~LiveConnection() {
  (previous_ != nullptr ? previous_->next_ : core_.first_) = next_;
  if (next_ != nullptr) next_->previous_ = previous_;
  if (ip_ != core_.by_ip_.end() && --ip_->second == 0) core_.by_ip_.erase(ip_);
  --core_.counters.open;
  core_.look_at_room();
}

bool LiveConnection::is_within_ip_limit() const {
  return ip_ == core_.by_ip_.end() || ip_->second <= core_.options.limits.connections_per_ip_max;
}

rt::Task<void> Handler::refuse(Exchange& exchange, int status, const Error& error) {
  ResponseHead head = error_head(error);
  head.status = status;
  const std::string body = error_json(error, nullptr);
  (void)co_await exchange.respond(head, body);
}

namespace {

// A 405 has an Allow. Nobody has looked at the path yet: what any of them may have.
constexpr std::string_view kMethodsOfAny = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

Error error_of(const Refusal& refusal) {
  Error error(refusal.code, Blame::client, std::string(refusal.message));
  if (refusal.code != Code::method_not_supported) return error;
  return std::move(error).with_allow(std::string(kMethodsOfAny));
}

}  // namespace

rt::Task<void> answer_refusal(Handler& handler, Exchange& exchange, const Refusal& refusal) {
  const Error error = error_of(refusal);
  co_await handler.refuse(exchange, refusal.status, error);
}

rt::Task<void> answer_for_handler(Exchange& exchange, bool handler_threw) {
  const Error error(
      Code::internal_error, Blame::us,
      handler_threw ? "The server failed to process the request." : "The server gave no answer.");
  const ResponseHead head = error_head(error);
  const std::string body = error_json(error, nullptr);
  (void)co_await exchange.respond(head, body);
}

}  // namespace sovmesh::http

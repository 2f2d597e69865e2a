#include "rt/sim/resolver.h"

#include <utility>

namespace sovmesh::rt::sim {

void SimResolver::set(const std::string& host, std::vector<IpAddress> addresses) {
  answers_[host] = {.hangs = false, .addresses = std::move(addresses)};
}

void SimResolver::fail(const std::string& host) { answers_.erase(host); }

void SimResolver::hang(const std::string& host) {
  answers_[host] = {.hangs = true, .addresses = {}};
}

Task<Result<std::vector<IpAddress>>> SimResolver::resolve(std::string host, Until until) {
  if (const auto literal = IpAddress::parse(host)) {
    co_return std::vector<IpAddress>{*literal};
  }
  const std::uint32_t delay = world_.chaos().below(kDelayMaxUs);
  const auto asked = answers_.find(host);
  const bool hangs = asked != answers_.end() && asked->second.hangs;
  const Deadline answered =
      hangs ? Deadline::never() : Deadline::at(loop_.now() + std::chrono::microseconds(delay));
  const Until wait_until{answered.earlier(until.deadline), until.cancelled};
  const bool slept = co_await sleep(loop_, wait_until);
  if (!slept) co_return sovmesh::fail(to_result(Wake::cancelled, "resolve").error());
  if (until.deadline.passed(loop_.now()) && !answered.passed(loop_.now()))
    co_return sovmesh::fail(to_result(Wake::timed_out, "resolve").error());
  const auto found = answers_.find(host);  // as it is now: names change while we wait
  world_.note("resolve " + host);
  if (found == answers_.end() || found->second.addresses.empty())
    co_return upstream_error(Code::io_error, "resolve: no such name");
  co_return found->second.addresses;
}

}  // namespace sovmesh::rt::sim

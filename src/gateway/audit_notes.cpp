#include "gateway/audit_notes.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/mirror.h"
#include "rt/net.h"

namespace sovmesh::gateway {
namespace {

bool is_this_machine(const http::Origin& origin) {
  if (!origin.unix_path.empty() || origin.host == "localhost") return true;
  const auto ip = rt::IpAddress::parse(origin.host);
  return ip && ip->is_loopback();
}

store::AuditPlace place(const engine::Engine& engine, const AuditPolicy& policy) {
  const http::Origin& origin = engine.origin();
  const bool is_here = is_this_machine(origin);
  const auto found = policy.engines.find(engine.name());
  const auto own = [&](std::string AuditPolicy::Engine::* field, const std::string& usual) {
    const bool is_said = found != policy.engines.end() && !(found->second.*field).empty();
    return is_said ? found->second.*field : usual;
  };
  return {.engine = std::string(engine.name()),
          .host = is_here ? "local" : fmt::format("{}:{}", origin.host, origin.port),
          .site = own(&AuditPolicy::Engine::site, policy.site),
          .jurisdiction = own(&AuditPolicy::Engine::jurisdiction, policy.jurisdiction),
          .egress = is_here ? "" : origin.host};
}

}  // namespace

std::string_view AuditPolicy::model_digest(std::string_view engine,
                                           const catalog::Model& model) const {
  if (const auto said = model_digests.find(model.name.text()); said != model_digests.end())
    return said->second;
  const auto found = engines.find(engine);
  if (found == engines.end()) return {};
  if (!model.adapter) return found->second.model_digest;
  const auto adapter = static_cast<std::size_t>(*model.adapter);
  return adapter < found->second.adapters.size() ? std::string_view(found->second.adapters[adapter])
                                                 : std::string_view();
}

std::string_view AuditPolicy::pool_of(std::string_view engine) const {
  const auto found = engines.find(engine);
  return found == engines.end() ? std::string_view() : found->second.pool;
}

std::shared_ptr<const store::AuditPlace> AuditNotes::place_of(
    const std::shared_ptr<const engine::Engine>& engine, const AuditPolicy& policy) {
  const auto known = std::ranges::find_if(
      places_, [&](const Place& place) { return place.first.lock() == engine; });
  if (known != places_.end()) return known->second;
  std::erase_if(places_, [](const Place& place) { return place.first.expired(); });
  if (places_.size() >= kPlacesMax) places_.clear();
  return places_
      .emplace_back(engine, std::make_shared<const store::AuditPlace>(place(*engine, policy)))
      .second;
}

void AuditNotes::note_use(const tenancy::Key& key, const AuditPolicy& policy) {
  if (!policy.first_use || used_keys_.contains(key.id)) return;
  if (used_keys_.size() >= kKeysMax) used_keys_.clear();
  if (policy.first_use(key)) used_keys_.insert(key.id);
}

void AuditNotes::note(const RequestRecord& record, const AuditPolicy& policy, WallTime now) {
  // Who it was must be proven: strangers are counted, and what they send is in metrics and logs.
  if (policy.log == nullptr) return;
  if (record.stranger != identity::Stranger::none)
    policy.log->note_stranger(identity::name(record.stranger));
  if (!record.caller) return;
  const identity::Caller& caller = *record.caller;
  note_use(caller.key(), policy);
  if (!record.operation) return;
  store::RequestEntry entry;
  entry.request = record.id;
  entry.tenant = caller.tenant().id;
  entry.project = caller.project().id;
  entry.key = caller.key().id;
  entry.user = caller.key().owner.value_or("");
  entry.operation = *record.operation;
  entry.prompt_digest = record.prompt_digest;
  entry.digest_key = caller.tenant_entry().digest_key_id;
  if (record.engine) entry.place = place_of(record.engine, policy);
  for (const auto& engine : record.sent_to)
    if (engine != record.engine) entry.earlier.push_back(place_of(engine, policy));
  if (record.mirror) entry.mirror = place_of(record.mirror->engine(), policy);
  if (record.model != nullptr) {
    entry.model = record.model_name();
    entry.model_revision = record.model_revision();
    if (record.engine)
      entry.model_digest = policy.model_digest(record.engine->name(), *record.model);
  }
  entry.status = record.status;
  entry.code = record.code();
  entry.refused = record.status >= 400 && !record.answer;
  if (record.replayed) entry.settled = *record.replayed;
  entry.finish = record.replayed ? metering::Finish::stop : metering::Finish::aborted;
  if (record.answer) {
    entry.settled = record.id;
    entry.answer_digest = record.answer->digest;
    entry.finish = record.answer->settlement.finish;
    entry.counts = record.answer->settlement.counts;
    entry.price = record.answer->price;
    if (!entry.price.empty()) entry.cost_micro = record.answer->charge.cost_micro;
    entry.currency = caller.tenant().currency;
  }
  if (record.priority) {
    entry.priority = record.priority;
    entry.pool = policy.pool_of(record.engine ? record.engine->name() : record.model->engine);
  }
  entry.began = record.began_wall;
  entry.ended = now;
  policy.log->note(std::move(entry));
}

}  // namespace sovmesh::gateway

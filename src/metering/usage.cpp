#include "metering/usage.h"

#include <cstdlib>

namespace sovmesh::metering {

std::string_view name(Source source) {
  switch (source) {
    case Source::engine_final:
      return "engine_final";
    case Source::engine_live:
      return "engine_live";
    case Source::floor:
      return "floor";
    case Source::recovered:
      return "recovered";
  }
  return "";
}

std::string_view name(Finish finish) {
  switch (finish) {
    case Finish::stop:
      return "stop";
    case Finish::length:
      return "length";
    case Finish::tool_calls:
      return "tool_calls";
    case Finish::content_filter:
      return "content_filter";
    case Finish::client_closed:
      return "client_closed";
    case Finish::upstream_error:
      return "upstream_error";
    case Finish::upstream_timeout:
      return "upstream_timeout";
    case Finish::revoked:
      return "revoked";
    case Finish::aborted:
      return "aborted";
    case Finish::recovered:
      return "recovered";
    case Finish::drained:
      return "drained";
  }
  return "";
}

std::string_view name(Operation operation) {
  switch (operation) {
    case Operation::chat:
      return "chat";
    case Operation::completion:
      return "text_completion";
    case Operation::embeddings:
      return "embeddings";
  }
  return "";
}

Totals& Totals::operator+=(const Totals& other) {
  requests += other.requests;
  prompt += other.prompt;
  cached += other.cached;
  generated += other.generated;
  reasoning += other.reasoning;
  delivered += other.delivered;
  characters += other.characters;
  open_us += other.open_us;
  cost_micro += other.cost_micro;
  gse_us += other.gse_us;
  energy_mj += other.energy_mj;
  co2_ug += other.co2_ug;
  unpriced += other.unpriced;
  drifted += other.drifted;
  recovered += other.recovered;
  return *this;
}

bool drifts(std::int64_t final_tokens, std::int64_t live_tokens) {
  return std::llabs(final_tokens - live_tokens) * 50 > final_tokens;
}

}  // namespace sovmesh::metering

#include "compose/recorded_load.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>

#include "store_sqlite/ledger_replay.h"
#include "store_sqlite/vfs.h"

namespace sovmesh::compose {
namespace {

std::uint32_t tokens(std::int64_t count) {
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, des::kTokensMax));
}

class Reader {
 public:
  explicit Reader(const Recorded& recorded) : recorded_(recorded) { out_.tenants.clear(); }

  void name(TenantId tenant, std::string_view slug) { names_.emplace(tenant, slug); }

  Result<void> take(const store_sqlite::RecordedRequest& request) {
    const auto& models = recorded_.models;
    if (!models.empty() && std::ranges::find(models, request.model) == models.end()) return {};
    if (request.prompt <= 0) return {};  // never reached its engine
    if (out_.arrivals.size() == des::kArrivalsMax)
      return client_error(Code::invalid_value,
                          "too many requests: choose a shorter period with "
                          "--from and --until");
    const std::string& tenant =
        names_.emplace(request.tenant, request.tenant.value.text()).first->second;
    const auto place = places_.emplace(tenant, static_cast<std::uint32_t>(places_.size()));
    if (place.second) out_.tenants.push_back(tenant);
    out_.arrivals.push_back(
        {.at = request.opened_at.time_since_epoch(),
         .tenant = place.first->second,
         .user = static_cast<std::uint32_t>(std::hash<std::string_view>{}(request.user)),
         .input_tokens = tokens(request.prompt),
         .output_tokens = std::max(1U, tokens(request.generated)),
         .output_max = tokens(request.output_max),
         .known_cached = tokens(std::min(request.cached, request.prompt - 1))});
    return {};
  }

  Result<des::Workload> finish() {
    if (out_.arrivals.empty())
      return client_error(Code::invalid_value,
                          "the ledger has no settled requests of that period and model");
    out_.name = "ledger";
    out_.sort();
    const auto begin = out_.arrivals.front().at;
    for (des::Arrival& arrival : out_.arrivals)
      arrival.at -= begin;
    return std::move(out_);
  }

 private:
  const Recorded& recorded_;
  des::Workload out_;
  std::map<TenantId, std::string> names_;
  std::map<std::string, std::uint32_t> places_;
};

}  // namespace

Result<des::Workload> recorded_load(const Recorded& recorded) {
  auto& disk = store_sqlite::real_disk();
  Reader reader(recorded);
  TRY_VOID(store_sqlite::read_tenant_names(
      disk, recorded.data_dir + "/control.db",
      [&](TenantId tenant, std::string_view slug) { reader.name(tenant, slug); }));
  TRY_VOID(store_sqlite::read_requests(
      disk, recorded.data_dir + "/ledger.db", recorded.from, recorded.until,
      [&](const store_sqlite::RecordedRequest& request) { return reader.take(request); }));
  return reader.finish();
}

}  // namespace sovmesh::compose

#include "control/admin_api.h"
#include "control/json_text.h"

// What the admin API tells of the system.
namespace sovmesh::control {
Result<AdminReply> AdminApi::system(Request& request) {
  TRY_VOID(request.no_more_query());
  const std::vector<std::string> reasons = parts_.not_ready();
  const store::LedgerStats ledger = parts_.ledger.stats();
  const std::string ledger_json =
      JsonText()
          .flag("accepts", parts_.ledger.accepts())
          .number("waiting", static_cast<std::int64_t>(ledger.waiting))
          .number("records", static_cast<std::int64_t>(ledger.records))
          .number("failures", static_cast<std::int64_t>(ledger.failures))
          .end();
  const auto directory = parts_.publisher.directory().get();
  return AdminReply{.body = JsonText()
                                .text("version", SM_VERSION)
                                .flag("ready", reasons.empty())
                                .texts("not_ready", reasons)
                                .number("directory_version", directory->version())
                                .raw("ledger", ledger_json)
                                .end()};
}

}  // namespace sovmesh::control

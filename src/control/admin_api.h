#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/guarded.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "control/directory_publisher.h"
#include "engine/engine.h"
#include "identity/authenticator.h"
#include "store/control_store.h"
#include "store/ledger.h"

namespace sovmesh::control {

struct AdminCall {
  std::string method;
  std::string path;   // still percent-encoded
  std::string query;  // without '?'
  std::optional<std::string> if_match;
  std::string body;
};

struct AdminReply {
  int status = 200;
  std::string body;  // JSON
  std::string etag;  // the object's revision in quotes; empty for lists
};

// The admin API below /api/v1 without its transport: who calls has been settled before. Blocks on
// the stores: any thread of the blocking pool; writes take turns. What a write changed is published
// to the data path before call() returns.
class AdminApi {
 public:
  struct Parts {
    store::ControlStore& store;
    store::Ledger& ledger;
    DirectoryPublisher& publisher;
    const identity::Authenticator& authenticator;
    const Clock& clock;
    Random& random;
    std::function<std::vector<std::shared_ptr<engine::Engine>>()> engines;
    std::function<std::vector<std::string>()> not_ready;  // reasons, as /readyz gives them
    // Whether such an engine could run (its URL, its dialect). Empty: any could.
    std::function<Result<void>(const store::EngineRecord&)> check_engine = {};
    // Makes the API's engines that run be exactly these, before it returns. Empty: none run.
    std::function<Result<void>(const std::vector<store::EngineRecord>&)> run_engines = {};
  };
  static constexpr std::size_t kEnginesMax = 64;  // of the API

  static constexpr std::size_t kPageMax = 1'000;  // objects of one page
  static constexpr std::size_t kPageUsual = 100;

  explicit AdminApi(Parts parts);
  Result<AdminReply> call(const AdminCall& call);

 private:
  // A call taken apart. Query parameters that nobody asked for are an error of the caller.
  struct Request {
    const AdminCall& call;
    std::vector<std::string> path;             // behind /api/v1/, decoded
    std::map<std::string, std::string> query;  // decoded
    UlidSource* ids = nullptr;                 // of writes only

    std::optional<std::string> take(const std::string& name);
    Result<void> no_more_query() const;
    bool is(std::string_view method, std::size_t parts) const {
      return call.method == method && path.size() == parts;
    }
  };
  static Result<Request> take_apart(const AdminCall& call);
  // `allowed`: its methods; empty: those that most have.
  static Error no_such_method(const Request& request, std::string_view allowed = {});
  // The revision to change: the present one, which If-Match, when given, must name.
  static Result<std::int64_t> revision(const Request& request, std::int64_t present);
  template <class T>
  Result<AdminReply> page(Request& request, const std::vector<T>& all,
                          const std::function<std::string(const T&)>& id,
                          const std::function<std::string(const T&)>& show);

  Result<AdminReply> route(Request& request);
  Result<AdminReply> tenants(Request& request);
  Result<AdminReply> create_tenant(Request& request);
  Result<AdminReply> change_tenant(Request& request, tenancy::Tenant tenant);
  Result<AdminReply> projects(Request& request);
  Result<AdminReply> create_project(Request& request);
  Result<AdminReply> change_project(Request& request, tenancy::Project project,
                                    const store::ControlData& data);
  Result<AdminReply> keys(Request& request);
  Result<AdminReply> create_key(Request& request);
  Result<AdminReply> change_key(Request& request, tenancy::Key key);
  Result<AdminReply> rotate_key(Request& request, tenancy::Key key);
  Result<AdminReply> revoke_key(Request& request, tenancy::Key key);
  Result<AdminReply> models(Request& request);
  Result<AdminReply> create_model(Request& request);
  Result<AdminReply> change_model(Request& request, catalog::Model model);
  Result<void> check_model(const catalog::Model& model);
  Result<AdminReply> engines(Request& request);
  Result<AdminReply> create_engine(Request& request);
  Result<AdminReply> delete_engine(const Request& request, const std::string& name,
                                   store::ControlData data);
  std::string show_engine(const engine::Engine& engine, const store::ControlData& data) const;
  Result<AdminReply> usage(Request& request);
  Result<AdminReply> system(Request& request);

  Parts parts_;
  Guarded<UlidSource> ids_;  // its lock is also the turn of writes
};

}  // namespace sovmesh::control

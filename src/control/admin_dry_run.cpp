#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include "control/admin_api.h"
#include "control/json_text.h"

// What a change would do: it is made, looked at, and taken back.
namespace sovmesh::control {
namespace {

using json = nlohmann::ordered_json;  // members stay in their order

// Of every object, and different with each look.
constexpr std::array<std::string_view, 12> kNotTold{
    "revision",     "created_at", "updated_at", "used", "reserved",     "balances",
    "window_start", "reset_at",   "deliveries", "load", "memory_bytes", "in_flight"};

std::string text_of(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

// An object; null where there is none.
json object_of(const std::string& body) {
  json object = json::parse(body, nullptr, false);
  return object.is_object() ? object : json();
}

std::string_view action_between(const json& before, const json& after, bool differs) {
  if (before.is_null()) return "create";
  if (after.is_null()) return "delete";
  return differs ? "change" : "none";
}

// Members that differ.
std::vector<std::string> changes_between(const json& before, const json& after) {
  std::vector<std::string> changes;
  if (!before.is_object() || !after.is_object()) return changes;
  for (const auto& [name, value] : after.items()) {
    if (std::ranges::find(kNotTold, name) != kNotTold.end()) continue;
    const json old = before.value(name, json());
    if (old == value) continue;
    changes.push_back(JsonText()
                          .text("member", std::string_view(name))
                          .raw("before", text_of(old))
                          .raw("after", text_of(value))
                          .end());
  }
  return changes;
}

}  // namespace

// As the object stands now; an empty body where the call makes it.
Result<AdminReply> AdminApi::present(const Request& request, const AdminReply& reply) {
  if (request.present) return AdminReply{.body = *request.present};
  if (reply.status == 201) return AdminReply{};
  const bool is_named = request.path.size() > 1;
  const bool is_whole = request.call.method == "PUT" || request.call.method == "PATCH";
  AdminCall read{.method = "GET"};
  read.caller = request.call.caller;
  Request asked{.call = read,
                .path = {request.path.front(),
                         is_named ? request.path[1] : object_of(reply.body).value("id", "")},
                .query = {},
                .store = &parts_.store,
                .resources = request.resources};
  if (is_named && is_whole) asked.path = request.path;  // a part of the object
  return route(asked);
}

Result<AdminReply> AdminApi::dry_run(Request& request) {
  TRY_VOID(may_lose(request));
  AdminReply reply;
  const auto work = [&](store::ControlStore& store) -> Result<void> {
    request.store = &store;
    TRY(reply, answer(request));
    return {};
  };
  bool is_fine = false;
  const auto take_back = [&](store::ControlStore&, const auto&) -> Result<void> {
    is_fine = true;
    return our_error(Code::cancelled, "only tried");
  };
  const Result<void> tried = parts_.publisher.change(work, take_back);
  if (!is_fine) return fail(tried.error());
  TRY(AdminReply now, present(request, reply));
  const json before = object_of(now.body);
  json after = object_of(reply.body);
  // The texts of a key and of a secret that nobody will have.
  if (after.is_object()) after.erase("key");
  if (after.is_object()) after.erase("secret");
  const std::vector<std::string> changes = changes_between(before, after);
  return AdminReply{.body = JsonText()
                                .flag("dry_run", true)
                                .text("action", action_between(before, after, !changes.empty()))
                                .number("status", reply.status)
                                .raw("before", text_of(before))
                                .raw("after", text_of(after))
                                .raw("changes", json_list(changes))
                                .end(),
                    .etag = std::move(now.etag)};
}

}  // namespace sovmesh::control

#include "control/admin_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "control/admin_objects.h"
#include "control/admin_resources.h"
#include "control/json_text.h"

namespace sovmesh::control {

std::optional<std::string> AdminRequest::take(const std::string& name) {
  const auto node = query.extract(name);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

Result<bool> AdminRequest::take_flag(const std::string& name) {
  const std::string text = take(name).value_or("false");
  if (text == "true" || text == "false") return text == "true";
  return client_error(Code::invalid_value, "want true or false", name);
}

Result<void> AdminRequest::no_more_query() const {
  if (query.empty()) return {};
  const std::string& name = query.begin()->first;
  return client_error(Code::unsupported_parameter, "unknown query parameter", name);
}

Error no_such_method(const AdminRequest& request) {
  const AdminResource* const resource = find_admin_resource(request.path);
  if (resource == nullptr) return {Code::unknown_url, Blame::client, "there is no such resource"};
  return Error(Code::method_not_supported, Blame::client,
               "this resource does not answer " + request.call.method)
      .with_allow(resource->allow());
}

Result<std::int64_t> revision(const AdminRequest& request, std::int64_t present) {
  const auto& wanted = request.call.if_match;
  if (!wanted || *wanted == "*" || *wanted == etag_of(present)) return present;
  return client_error(Code::precondition_failed,
                      fmt::format("the object is at revision {}; read it again", present));
}

Result<void> must_want_new(const AdminRequest& request) {
  if (!request.call.if_match) return {};
  return client_error(Code::precondition_failed, "there is no such object yet: leave If-Match out");
}

Result<void> must_be_without_revision(const AdminRequest& request) {
  const auto& wanted = request.call.if_match;
  if (!wanted || *wanted == "*") return {};
  return client_error(Code::precondition_failed,
                      "this has no revision: leave If-Match out, or send '*'");
}

Result<void> must_be_name_of_path(const AdminRequest& request, const std::string& name,
                                  const char* param) {
  if (request.path.size() == 1 || request.path[1] == name) return {};
  return client_error(Code::invalid_value,
                      fmt::format("want the name of the path, '{}'", request.path[1]), param);
}

Result<PageAsk> page_ask(AdminRequest& request) {
  const auto limit_text = request.take("limit");
  PageAsk ask{.after = request.take("after")};
  TRY_VOID(request.no_more_query());
  const auto limit = limit_text ? parse_u64(*limit_text) : kPageUsual;
  if (!limit || *limit == 0 || *limit > kPageMax)
    return client_error(Code::invalid_value, fmt::format("limit: want 1..{}", kPageMax), "limit");
  ask.limit = *limit;
  return ask;
}

bool Narrowing::fits(std::string_view its_owner,
                     std::initializer_list<std::string_view> its_names) const {
  if (managed_by && *managed_by != its_owner) return false;
  return !q || std::ranges::any_of(its_names, [&](std::string_view name) {
    return to_lower(std::string(name)).contains(*q);
  });
}

Result<Narrowing> narrowing(AdminRequest& request) {
  Narrowing out{.managed_by = request.take("managed_by"), .q = request.take("q")};
  if (out.q) out.q = to_lower(*out.q);
  if (!out.managed_by || *out.managed_by == "api" || *out.managed_by == "file" ||
      *out.managed_by == "engine")
    return out;
  return client_error(Code::invalid_value, "want api, file or engine", "managed_by");
}

std::string_view managed_by(const tenancy::Meta& meta) {
  return meta.ownership.by == tenancy::Ownership::By::file ? "file" : "api";
}

std::string page_json(const std::vector<std::string>& shown,
                      const std::optional<std::string>& next) {
  return JsonText()
      .raw("data", json_list(shown))
      .flag("has_more", next.has_value())
      .text_or_null("next", next)
      .end();
}

}  // namespace sovmesh::control

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "control/admin_access.h"
#include "control/admin_api.h"
#include "control/admin_objects.h"
#include "control/event_kinds.h"
#include "control/json_body.h"
#include "control/json_text.h"
#include "control/webhooks.h"

// The webhooks of the admin API.
namespace sovmesh::control {
namespace {

using access::Owner;
using access::Resource;
using store::WebhookRecord;

std::string what(const WebhookRecord& webhook) { return fmt::format("webhook '{}'", webhook.name); }

Result<void> may_touch(AdminRequest& request, const WebhookRecord& webhook) {
  return may(request, Resource::webhooks, Owner::of(webhook.tenant));
}

// The path of a URL may be all that keeps strangers from it, so it is for those who could set it.
bool sees_path(const AdminRequest& request, const WebhookRecord& webhook) {
  return may(request, access::Action::change, Resource::webhooks, Owner::of(webhook.tenant))
      .has_value();
}

std::string origin_of(const std::string& url) {
  const auto host = url.find("//");
  return url.substr(0, host == url.npos ? 0 : url.find('/', host + 2));
}

Result<void> check_name(const std::string& name) {
  if (ProjectSlug::parse(name)) return {};
  return client_error(Code::invalid_value, "want 3 to 40 of a-z, 0-9 and '-', the first a letter",
                      "name");
}

// What a caller may say of a webhook, at its creation and later.
struct WebhookFields {
  std::optional<std::string> name;
  std::optional<std::string> url;
  std::optional<std::vector<std::string>> events;
  std::optional<bool> enabled;

  static WebhookFields read(JsonBody& body) {
    return {.name = body.text("name"),
            .url = body.text("url"),
            .events = body.texts("events"),
            .enabled = body.flag("enabled")};
  }

  // All of it is said.
  Result<void> must_be_whole() const {
    for (const auto& [is_there, param] : {std::pair(name.has_value(), "name"),
                                          {url.has_value(), "url"},
                                          {events.has_value(), "events"}})
      if (!is_there) return client_error(Code::missing_required_parameter, "is missing", param);
    return {};
  }

  Result<void> put_into(WebhookRecord& webhook, const WebhookDesk& desk) const {
    if (name) TRY_VOID(check_name(*name));
    if (name) webhook.name = *name;
    // One that is no longer allowed may stay as it is.
    const bool stays = !webhook.url.empty() && url == webhook.url;
    if (url && !stays) {
      if (!desk.take_url)
        return client_error(Code::conflict, "no webhook has a place here: nobody delivers", "url");
      TRY(webhook.url, desk.take_url(*url));
    }
    if (events) {
      TRY(webhook.events, event_patterns(*events));
    }
    webhook.enabled = enabled.value_or(webhook.enabled);
    return {};
  }
};

std::string deliveries_json(const WebhookReport& report) {
  JsonText json;
  json.number("delivered", static_cast<std::int64_t>(report.delivered))
      .number("retried", static_cast<std::int64_t>(report.retried))
      .number("dropped", static_cast<std::int64_t>(report.dropped))
      .number("waiting", static_cast<std::int64_t>(report.waiting));
  report.last_status ? json.number("last_status", *report.last_status) : json.null("last_status");
  json.text_or_null("last_error", report.last_error);
  report.last_at ? json.time("last_at", *report.last_at) : json.null("last_at");
  return json.end();
}

}  // namespace

std::string_view AdminApi::state_of(const WebhookRecord& webhook,
                                    const WebhookReport& report) const {
  if (!webhook.enabled) return "disabled";
  if (!parts_.webhooks.take_url || !parts_.webhooks.take_url(webhook.url)) return "not_allowed";
  return report.last_error ? "failing" : "ok";
}

// `secret`: shown once, empty otherwise.
std::string AdminApi::show_webhook(const Request& request, const WebhookRecord& webhook,
                                   const store::ControlData& data, std::string_view secret) const {
  const WebhookReport report =
      parts_.webhooks.report ? parts_.webhooks.report(webhook.id) : WebhookReport{};
  JsonText json;
  json.text("id", webhook.id.value.text())
      .text("name", std::string_view(webhook.name))
      .text_or_null("tenant",
                    webhook.tenant ? std::optional(slug_of(data, *webhook.tenant)) : std::nullopt)
      .text("url", sees_path(request, webhook) ? webhook.url : origin_of(webhook.url))
      .texts("events", webhook.events)
      .flag("enabled", webhook.enabled)
      .text("state", state_of(webhook, report))
      .raw("deliveries", deliveries_json(report));
  if (!secret.empty()) json.text("secret", secret);
  add_meta(json, webhook.meta);
  return json.end();
}

Result<AdminReply> AdminApi::webhooks(Request& request) {
  if (request.is("POST", 1)) return create_webhook(request);
  TRY(const store::ControlData data, load_seen(request));
  if (request.is("GET", 1)) {
    TRY(const Narrowing only, narrowing(request));
    std::vector<WebhookRecord> wanted = data.webhooks;
    if (const auto name = request.take("tenant")) {
      TRY(const tenancy::Tenant tenant, find_tenant(data, *name));
      std::erase_if(wanted, [&](const WebhookRecord& w) { return w.tenant != tenant.id; });
    }
    std::erase_if(wanted, [&](const WebhookRecord& w) {
      return !only.fits(managed_by(w.meta), {w.id.value.text(), w.name});
    });
    return page<WebhookRecord>(
        request, wanted, [](const WebhookRecord& w) { return w.id.value.text(); },
        [&](const WebhookRecord& w) { return show_webhook(request, w, data); });
  }
  TRY_VOID(request.no_more_query());
  TRY(WebhookRecord webhook, find_webhook(data, request.path[1]));
  TRY_VOID(may_touch(request, webhook));
  if (request.is("GET", 2))
    return AdminReply{.body = show_webhook(request, webhook, data),
                      .etag = etag_of(webhook.meta.revision)};
  TRY_VOID(must_be_ours(webhook.meta, what(webhook)));
  if (request.is("POST", 3) && request.path[2] == "rotate")
    return rotate_webhook(request, std::move(webhook), data);
  if (request.is("POST", 3) && request.path[2] == "test")
    return test_webhook(request, webhook, data);
  if (request.is("PATCH", 2) || request.is("PUT", 2))
    return change_webhook(request, std::move(webhook), data);
  if (!request.is("DELETE", 2)) return fail(no_such_method(request));
  TRY(const std::int64_t at, revision(request, webhook.meta.revision));
  request.tenant = webhook.tenant;
  request.object = webhook.id.value.text();
  TRY_VOID(request.store->remove(webhook.id, at));
  return AdminReply{.status = 204};
}

Result<AdminReply> AdminApi::create_webhook(Request& request) {
  JsonBody body(request.call.body);
  const auto tenant_name = body.text("tenant");
  const bool is_platforms = body.is_null("tenant");
  const WebhookFields fields = WebhookFields::read(body);
  TRY_VOID(body.done());
  TRY_VOID(request.no_more_query());
  TRY_VOID(fields.must_be_whole());
  TRY(const store::ControlData data, load_seen(request));
  if (!tenant_name && !is_platforms && !sees_all(request))
    return client_error(Code::missing_required_parameter, "say of which tenant of yours", "tenant");
  WebhookRecord webhook{.id = {request.ids->next()}};
  if (tenant_name) {
    auto tenant = find_tenant(data, *tenant_name);
    if (!tenant) return fail(std::move(tenant).error().with_param("tenant"));
    webhook.tenant = tenant->id;
  }
  TRY_VOID(may_touch(request, webhook));
  TRY_VOID(must_want_new(request));
  TRY_VOID(fields.put_into(webhook, parts_.webhooks));
  const Secret secret = new_webhook_secret(parts_.random);
  TRY_VOID(seal_webhook_secret(webhook, secret, parts_.authenticator, parts_.random));
  TRY(webhook, request.store->create(std::move(webhook)));
  return AdminReply{201, show_webhook(request, webhook, data, secret.reveal()),
                    etag_of(webhook.meta.revision)};
}

// PUT says all of it but whose it is and its secret. Ids are not chosen, so what is not there is
// not made.
Result<AdminReply> AdminApi::change_webhook(Request& request, WebhookRecord webhook,
                                            const store::ControlData& data) {
  const bool is_whole = request.call.method == "PUT";
  JsonBody body(request.call.body);
  const WebhookFields fields = WebhookFields::read(body);
  TRY_VOID(body.done());
  if (is_whole) TRY_VOID(fields.must_be_whole());
  TRY(webhook.meta.revision, revision(request, webhook.meta.revision));
  const WebhookRecord before = webhook;
  if (is_whole) webhook.enabled = true;
  TRY_VOID(fields.put_into(webhook, parts_.webhooks));
  request.changes_nothing = webhook.name == before.name && webhook.url == before.url &&
                            webhook.events == before.events && webhook.enabled == before.enabled;
  if (!request.changes_nothing) {
    TRY(webhook, request.store->update(webhook));
  }
  return AdminReply{200, show_webhook(request, webhook, data), etag_of(webhook.meta.revision)};
}

// The secret before it ends at once: what waits is signed with the new one.
Result<AdminReply> AdminApi::rotate_webhook(Request& request, WebhookRecord webhook,
                                            const store::ControlData& data) {
  TRY_VOID(JsonBody(request.call.body).done());
  TRY(webhook.meta.revision, revision(request, webhook.meta.revision));
  const Secret secret = new_webhook_secret(parts_.random);
  TRY_VOID(seal_webhook_secret(webhook, secret, parts_.authenticator, parts_.random));
  TRY(webhook, request.store->update(webhook));
  return AdminReply{200, show_webhook(request, webhook, data, secret.reveal()),
                    etag_of(webhook.meta.revision)};
}

Result<AdminReply> AdminApi::test_webhook(Request& request, const WebhookRecord& webhook,
                                          const store::ControlData& data) {
  TRY_VOID(JsonBody(request.call.body).done());
  TRY_VOID(revision(request, webhook.meta.revision));
  const std::string_view state = state_of(webhook, {});
  if (state == "disabled")
    return client_error(Code::conflict, "the webhook is disabled: enable it first");
  if (state == "not_allowed")
    return client_error(Code::conflict,
                        "the webhook's URL is none of the places that webhooks.allowed of the "
                        "configuration file names: it is not called");
  if (!open_webhook_secret(webhook, parts_.authenticator))
    return client_error(Code::conflict,
                        "the webhook's secret cannot be read, because the pepper is another one: "
                        "rotate it first");
  std::optional<Event::Tenant> owner;
  if (webhook.tenant)
    owner = Event::Tenant{.id = *webhook.tenant, .slug = slug_of(data, *webhook.tenant)};
  request.afterwards = [this, id = webhook.id, owner = std::move(owner)](AdminReply&) {
    if (parts_.webhooks.test) parts_.webhooks.test(id, owner);
  };
  return AdminReply{202, show_webhook(request, webhook, data), etag_of(webhook.meta.revision)};
}

}  // namespace sovmesh::control

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/head.h"

// What browsers need beyond an API: the cookie of a session, and that no other site's page can act
// for whoever is signed in.
namespace sovmesh::control {

// The value of sm_session. Nothing, too, when there are several: somebody planted one.
std::optional<std::string> session_cookie(const http::RequestHead& head);
// For Set-Cookie; an empty token takes it away. `is_secure`: only over TLS.
std::string cookie_text(std::string_view token, bool is_secure);
// Whether the page that asks came over TLS, as behind a proxy that has it.
bool has_secure_page(const http::RequestHead& head);

// Code::insufficient_permissions for a request that a page of another site made, as far as the
// browser says so: Sec-Fetch-Site, Origin.
Result<void> check_site(const http::RequestHead& head);
// Of methods that change something: x-sm-csrf is the session's.
Result<void> check_csrf(const http::RequestHead& head, std::string_view csrf_token);

// Nothing is stored, guessed, framed or run. `has_styles`: the body is a page with styles of its
// own.
void add_strictness(http::ResponseHead& head, bool has_styles);

}  // namespace sovmesh::control

#include "rt/tls.h"

#include <openssl/x509v3.h>

#include <ctime>
#include <utility>

#include "rt/loop.h"
#include "rt/tls_socket.h"

namespace sovmesh::rt {
namespace {

constexpr std::size_t kServerNameMax = 253;

Task<Result<std::unique_ptr<Socket>>> shake_hands(std::unique_ptr<TlsSocket> socket, Blame blame,
                                                  Until until) {
  for (;;) {
    const TlsSocket::Handshake step = socket->shake_hands();
    if (step == TlsSocket::Handshake::done) co_return socket;
    if (step == TlsSocket::Handshake::failed)
      co_return fail(Error(Code::io_error, blame, "TLS handshake: " + socket->handshake_error()));
    Event& next =
        step == TlsSocket::Handshake::wants_read ? socket->readable() : socket->writable();
    CO_TRY_VOID(to_result(co_await next.wait(until), "TLS handshake"));
  }
}

// What the peer's certificate must fit. An empty name would fit every certificate.
Result<void> expect(SSL* ssl, const std::string& server_name, WallTime now) {
  if (server_name.empty() || server_name.size() > kServerNameMax ||
      server_name.find('\0') != std::string::npos)
    return our_error(Code::config_invalid, "TLS: the server's name must have 1 to 253 characters");
  X509_VERIFY_PARAM* const rules = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_time(
      rules, std::chrono::floor<std::chrono::seconds>(now).time_since_epoch().count());
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (IpAddress::parse(server_name)) {  // RFC 6066 knows no SNI for addresses
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, server_name.c_str()) == 1) return {};
  } else if (SSL_set1_host(ssl, server_name.c_str()) == 1 &&
             SSL_set_tlsext_host_name(ssl, server_name.c_str()) == 1) {
    return {};
  }
  return our_error(Code::config_invalid, "TLS: not a server's name: " + server_name);
}

}  // namespace

Task<Result<std::unique_ptr<Socket>>> tls_accept(std::unique_ptr<Socket> transport,
                                                 std::shared_ptr<const TlsServerContext> context,
                                                 Until until) {
  SslPtr<SSL> ssl = static_cast<const OpensslServerContext&>(*context).new_connection();
  if (ssl == nullptr) co_return our_error(Code::overloaded, "TLS: out of memory");
  SSL_set_accept_state(ssl.get());
  auto socket =
      std::make_unique<TlsSocket>(std::move(transport), std::move(context), std::move(ssl));
  co_return co_await shake_hands(std::move(socket), Blame::client, until);
}

Task<Result<std::unique_ptr<Socket>>> tls_connect(std::unique_ptr<Socket> transport,
                                                  std::shared_ptr<const TlsClientContext> context,
                                                  std::string server_name, Until until) {
  SslPtr<SSL> ssl = static_cast<const OpensslClientContext&>(*context).new_connection();
  if (ssl == nullptr) co_return our_error(Code::overloaded, "TLS: out of memory");
  const WallTime now = transport->readable().loop().clock().wall_now();
  CO_TRY_VOID(expect(ssl.get(), server_name, now));
  SSL_set_connect_state(ssl.get());
  auto socket =
      std::make_unique<TlsSocket>(std::move(transport), std::move(context), std::move(ssl));
  co_return co_await shake_hands(std::move(socket), Blame::upstream, until);
}

}  // namespace sovmesh::rt

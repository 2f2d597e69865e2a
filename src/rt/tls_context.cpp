#include "rt/tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace sovmesh::rt {
namespace {

constexpr std::size_t kCertificatesMax = 1000;  // of one PEM text: the system's CAs are about 150

SslPtr<BIO> reader(std::string_view text) {
  return SslPtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::unexpected<Error> refuse(std::string_view what) {
  const std::string reason = take_ssl_reason();
  return our_error(Code::config_invalid, std::string(what) + (reason.empty() ? "" : ": " + reason));
}

}  // namespace

Result<std::vector<SslPtr<X509>>> parse_certificates(const std::string& pem) {
  std::vector<SslPtr<X509>> certificates;
  const SslPtr<BIO> from = reader(pem);
  while (certificates.size() < kCertificatesMax) {
    SslPtr<X509> next(PEM_read_bio_X509_AUX(from.get(), nullptr, nullptr, nullptr));
    if (next == nullptr) break;
    certificates.push_back(std::move(next));
  }
  const unsigned long error = ERR_peek_last_error();
  const bool at_end = ERR_GET_LIB(error) == ERR_LIB_PEM &&
                      ERR_GET_REASON(error) == PEM_R_NO_START_LINE && !certificates.empty();
  if (!at_end) return refuse("certificate: want one or more in PEM form");
  ERR_clear_error();
  return certificates;
}

WallTime to_wall_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return WallTime::min();
  const auto day = std::chrono::year(parts.tm_year + 1900) /
                   std::chrono::month(static_cast<unsigned>(parts.tm_mon) + 1) /
                   std::chrono::day(static_cast<unsigned>(parts.tm_mday));
  return std::chrono::sys_days(day) + std::chrono::hours(parts.tm_hour) +
         std::chrono::minutes(parts.tm_min) + std::chrono::seconds(parts.tm_sec);
}

WallTime earliest_end(const std::vector<SslPtr<X509>>& chain) {
  WallTime end = WallTime::max();
  for (const auto& certificate : chain)
    end = std::min(end, to_wall_time(X509_get0_notAfter(certificate.get())));
  return end;
}

namespace {

// An encrypted key is an error and not a question on the terminal.
int no_password(char*, int, int, void*) { return -1; }

Result<SslPtr<EVP_PKEY>> parse_key(const Secret& pem) {
  const SslPtr<BIO> from = reader(pem.reveal());
  SslPtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(from.get(), nullptr, &no_password, nullptr));
  if (key == nullptr) return refuse("private key: want one in PEM form, not encrypted");
  return key;
}

Result<std::string> alpn_wire(const std::vector<std::string>& names) {
  std::string wire;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > 255)
      return our_error(Code::config_invalid, "ALPN name: want 1 to 255 bytes");
    wire += static_cast<char>(name.size());
    wire += name;
  }
  return wire;
}

Result<SslPtr<SSL_CTX>> new_context(const SSL_METHOD* method) {
  SslPtr<SSL_CTX> context(SSL_CTX_new(method));
  if (context == nullptr) return refuse("TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // For TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has nothing else.
  if (SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
    return refuse("TLS ciphers");
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE |
                                         SSL_OP_PRIORITIZE_CHACHA);
  // An idle connection keeps no record buffers, and a read of the transport takes what is there
  // and not first five bytes of record head.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  // Sessions live in tickets, with keys of this context: nothing to store, all workers share them.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 1);
  return context;
}

Result<void> use_certificate(SSL_CTX* context, const std::vector<SslPtr<X509>>& chain,
                             EVP_PKEY* key) {
  if (SSL_CTX_use_certificate(context, chain.front().get()) != 1) return refuse("certificate");
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) return refuse("certificate chain");
  if (X509_check_private_key(chain.front().get(), key) != 1)
    return refuse("the private key does not belong to the certificate");
  if (SSL_CTX_use_PrivateKey(context, key) != 1) return refuse("private key");
  return {};
}

Result<void> trust_only(SSL_CTX* context, const std::string& ca_pem) {
  TRY(const auto certificates, parse_certificates(ca_pem));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const auto& certificate : certificates)
    if (X509_STORE_add_cert(store, certificate.get()) != 1) return refuse("CA certificate");
  // What is pinned may be an intermediate or the server's own certificate.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
  return {};
}

}  // namespace

std::string take_ssl_reason() {
  const unsigned long error = ERR_get_error();
  ERR_clear_error();
  const char* const text = error == 0 ? nullptr : ERR_reason_error_string(error);
  return text == nullptr ? "" : text;
}

OpensslServerContext::OpensslServerContext(SslPtr<SSL_CTX> context, std::string alpn,
                                           WallTime not_after)
    : context_(std::move(context)), alpn_(std::move(alpn)), not_after_(not_after) {
  if (!alpn_.empty()) SSL_CTX_set_alpn_select_cb(context_.get(), &choose_alpn, this);
}

int OpensslServerContext::choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                                      const unsigned char* offered, unsigned offered_size,
                                      void* self) {
  const std::string& ours = static_cast<const OpensslServerContext*>(self)->alpn_;
  // Takes the first of the first list that the second has too; it only reads both.
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), offered, offered_size);
  *out = chosen;
  // RFC 7301: no common protocol ends the handshake.
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

Result<std::shared_ptr<const TlsServerContext>> TlsServerContext::make(
    const std::string& certificate_chain_pem, const Secret& private_key_pem,
    const std::vector<std::string>& alpn) {
  TRY(const auto chain, parse_certificates(certificate_chain_pem));
  TRY(const auto key, parse_key(private_key_pem));
  TRY(std::string wire, alpn_wire(alpn));
  TRY(SslPtr<SSL_CTX> context, new_context(TLS_server_method()));
  TRY_VOID(use_certificate(context.get(), chain, key.get()));
  return std::make_shared<OpensslServerContext>(std::move(context), std::move(wire),
                                                earliest_end(chain));
}

Result<std::shared_ptr<const TlsClientContext>> TlsClientContext::make(
    const std::string& ca_pem, const std::vector<std::string>& alpn) {
  TRY(const std::string wire, alpn_wire(alpn));
  TRY(SslPtr<SSL_CTX> context, new_context(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (!ca_pem.empty()) {
    TRY_VOID(trust_only(context.get(), ca_pem));
  } else if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
    return refuse("the system's CA certificates");
  }
  // Unlike its siblings this call returns 0 for success.
  if (!wire.empty() &&
      SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                              static_cast<unsigned>(wire.size())) != 0)
    return refuse("ALPN");
  return std::make_shared<OpensslClientContext>(std::move(context));
}

}  // namespace sovmesh::rt

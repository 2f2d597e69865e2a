#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rt/tls.h"

namespace sovmesh::rt {

struct SslFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
template <class T>
using SslPtr = std::unique_ptr<T, SslFree>;

// The oldest reason in this thread's error queue of OpenSSL, as text, and empties the queue.
std::string take_ssl_reason();

// Every certificate of the text (PEM), in order; anything else in it is an error.
Result<std::vector<SslPtr<X509>>> parse_certificates(const std::string& pem);
WallTime to_wall_time(const ASN1_TIME* time);
// With the first of a chain that expires the whole chain is useless.
WallTime earliest_end(const std::vector<SslPtr<X509>>& chain);

// What the interfaces of tls.h hide. Shared by all workers; OpenSSL counts references atomically.
class OpensslServerContext final : public TlsServerContext {
 public:
  OpensslServerContext(SslPtr<SSL_CTX> context, std::string alpn, WallTime not_after);
  WallTime not_after() const override { return not_after_; }
  SslPtr<SSL> new_connection() const { return SslPtr<SSL>(SSL_new(context_.get())); }

 private:
  static int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                         const unsigned char* offered, unsigned offered_size, void* self);

  SslPtr<SSL_CTX> context_;
  std::string alpn_;  // as on the wire: each name behind its length
  WallTime not_after_;
};

class OpensslClientContext final : public TlsClientContext {
 public:
  explicit OpensslClientContext(SslPtr<SSL_CTX> context) : context_(std::move(context)) {}
  SslPtr<SSL> new_connection() const { return SslPtr<SSL>(SSL_new(context_.get())); }

 private:
  SslPtr<SSL_CTX> context_;
};

}  // namespace sovmesh::rt

#include "rt/tls_test_certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdlib>

#include "rt/net.h"
#include "rt/tls_context.h"

namespace sovmesh::rt {
namespace {

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

SslPtr<X509> parse_certificate(const std::string& pem) {
  const SslPtr<BIO> from(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  return SslPtr<X509>(PEM_read_bio_X509(from.get(), nullptr, nullptr, nullptr));
}

SslPtr<EVP_PKEY> parse_key(const Secret& pem) {
  const SslPtr<BIO> from(
      BIO_new_mem_buf(pem.reveal().data(), static_cast<int>(pem.reveal().size())));
  return SslPtr<EVP_PKEY>(PEM_read_bio_PrivateKey(from.get(), nullptr, nullptr, nullptr));
}

void set_time(ASN1_TIME* field, WallTime time) {
  ASN1_TIME_set(field, std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

void add_extension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// A certificate for a new key; signed by `issuer`, or by itself.
TestIdentity make(const std::string& name, WallTime begin, WallTime end,
                  const TestIdentity* issuer) {
  const SslPtr<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const SslPtr<X509> certificate(X509_new());
  static long serial = 1;
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  set_time(X509_getm_notBefore(certificate.get()), begin);
  set_time(X509_getm_notAfter(certificate.get()), end);
  X509_set_pubkey(certificate.get(), key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  if (issuer == nullptr) {
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
    add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE");
    X509_sign(certificate.get(), key.get(), EVP_sha256());
  } else {
    const auto parent = parse_certificate(issuer->certificate_pem);
    const auto parent_key = parse_key(issuer->key_pem);
    X509_set_issuer_name(certificate.get(), X509_get_subject_name(parent.get()));
    const bool is_address = IpAddress::parse(name).has_value();
    add_extension(certificate.get(), NID_subject_alt_name, (is_address ? "IP:" : "DNS:") + name);
    X509_sign(certificate.get(), parent_key.get(), EVP_sha256());
  }
  const SslPtr<BIO> certificate_pem(BIO_new(BIO_s_mem()));
  const SslPtr<BIO> key_pem(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_pem.get(), certificate.get());
  PEM_write_bio_PrivateKey(key_pem.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {.certificate_pem = contents(certificate_pem.get()),
          .key_pem = Secret(contents(key_pem.get()))};
}

}  // namespace

TestCa::TestCa(WallTime now)
    : now_(now),
      self_(make("Test CA", now - std::chrono::hours(2), now + std::chrono::hours(24 * 365),
                 nullptr)) {}

TestIdentity TestCa::issue(const std::string& name, WallTime begin, WallTime end) const {
  return make(name, begin, end, &self_);
}

}  // namespace sovmesh::rt

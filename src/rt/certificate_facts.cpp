#include "rt/certificate_facts.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include "rt/tls_context.h"

namespace sovmesh::rt {
namespace {

struct StoreFree {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
  void operator()(STACK_OF(X509) * chain) const { sk_X509_free(chain); }
};
template <class T>
using StorePtr = std::unique_ptr<T, StoreFree>;

std::string subject_of(X509* certificate) {
  std::array<char, 256> text{};
  X509_NAME_oneline(X509_get_subject_name(certificate), text.data(), static_cast<int>(text.size()));
  return text.data();
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* const all = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(all); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(all, i);
    if (name->type != GEN_DNS) continue;
    const auto* const bytes = ASN1_STRING_get0_data(name->d.dNSName);
    names.emplace_back(reinterpret_cast<const char*>(bytes),
                       static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName)));
  }
  GENERAL_NAMES_free(all);
  return names;
}

// Why a client that trusts the system's CAs would not trust it; empty: it would.
std::string distrust_of(const std::vector<SslPtr<X509>>& chain, WallTime now) {
  const StorePtr<X509_STORE> store(X509_STORE_new());
  const StorePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  const StorePtr<STACK_OF(X509)> others(sk_X509_new_null());
  for (std::size_t i = 1; i < chain.size(); ++i)
    sk_X509_push(others.get(), chain[i].get());
  if (X509_STORE_set_default_paths(store.get()) != 1 ||
      X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), others.get()) != 1)
    return "it cannot be checked: " + take_ssl_reason();
  X509_STORE_CTX_set_time(context.get(), 0, std::chrono::system_clock::to_time_t(now));
  const bool is_trusted = X509_verify_cert(context.get()) == 1;
  const int why = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  return is_trusted ? "" : X509_verify_cert_error_string(why);
}

}  // namespace

Result<CertificateFacts> certificate_facts(const std::string& chain_pem, WallTime now) {
  TRY(const auto chain, parse_certificates(chain_pem));
  CertificateFacts facts{.subject = subject_of(chain.front().get()),
                         .names = names_of(chain.front().get()),
                         .not_before = WallTime::min(),
                         .not_after = earliest_end(chain),
                         .distrust = distrust_of(chain, now)};
  for (const auto& certificate : chain)
    facts.not_before =
        std::max(facts.not_before, to_wall_time(X509_get0_notBefore(certificate.get())));
  return facts;
}

}  // namespace sovmesh::rt

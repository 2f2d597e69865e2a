#include "compose/certificate.h"

#include <utility>

#include "config/values.h"

namespace sovmesh::compose {
namespace {

constexpr std::size_t kPemBytesMax = 1U << 20;

}  // namespace

Result<std::shared_ptr<const rt::TlsServerContext>> read_certificate(
    const config::TlsFiles& files) {
  TRY(const std::string chain, config::read_text_file(files.certificate, kPemBytesMax));
  TRY(std::string key, config::read_text_file(files.key, kPemBytesMax));
  auto made = rt::TlsServerContext::make(chain + "\n", Secret(key + "\n"), {"h2", "http/1.1"});
  if (!made) return fail(Error(Code::config_invalid, Blame::us, made.error().message()));
  return *std::move(made);
}

}  // namespace sovmesh::compose

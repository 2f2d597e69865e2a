// Any bytes as a model file: read or refused, and what is read is bounded.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "modelfile/header.h"
#include "modelfile/inspect.h"

namespace {

using sovmesh::modelfile::add_config;
using sovmesh::modelfile::ByteSource;
using sovmesh::modelfile::Header;
using sovmesh::modelfile::kind_of_file;
using sovmesh::modelfile::kShownMax;
using sovmesh::modelfile::read_gguf;
using sovmesh::modelfile::read_safetensors;

void require(bool holds) {
  if (!holds) std::abort();
}

class Source final : public ByteSource {
 public:
  explicit Source(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }
  sovmesh::Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    const std::string_view rest = bytes_.substr(std::min<std::size_t>(offset, bytes_.size()));
    return rest.copy(into.data(), into.size());
  }

 private:
  std::string_view bytes_;
};

void check(const sovmesh::Result<Header>& header) {
  if (!header) return require(!header.error().message().empty());
  require(header->tensors > 0 && header->parameters >= 0 && header->context >= 0);
  require(header->architecture.size() <= kShownMax && header->licence.size() <= kShownMax);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer looks for this name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Source source(bytes);
  check(read_gguf(source));
  check(read_safetensors(source));
  Header header;
  (void)add_config(header, bytes);
  (void)kind_of_file(bytes);
  return 0;
}

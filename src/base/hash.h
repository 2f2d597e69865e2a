#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace sovmesh {

using Digest = std::array<unsigned char, 32>;

Digest sha256(std::string_view bytes);
// Same time whatever the contents.
bool equal_digests(const Digest& a, const Digest& b);

// A prepared HMAC-SHA256 key: the two padded blocks are hashed once, a message then costs two hash
// continuations and no look-up of the algorithm. Immutable, any thread; the key is wiped at the
// end.
class HmacKey {
 public:
  explicit HmacKey(std::string_view key);
  HmacKey(const HmacKey&) = delete;
  HmacKey& operator=(const HmacKey&) = delete;
  ~HmacKey();
  Digest of(std::string_view message) const;

  // A message in pieces. One thread; the key must outlive it.
  class Stream {
   public:
    explicit Stream(const HmacKey& key);
    Stream(Stream&&) noexcept;
    Stream& operator=(Stream&&) noexcept;
    ~Stream();
    void update(std::string_view bytes);
    Digest finish();  // once

   private:
    struct State;
    std::unique_ptr<State> state_;
  };

 private:
  struct Blocks;
  std::unique_ptr<Blocks> blocks_;
};

}  // namespace sovmesh

#pragma once

#include <memory>
#include <string_view>

#include "base/hash.h"

namespace sovmesh {

// SHA-256 of a text in pieces.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(std::string_view bytes);
  Digest finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sovmesh

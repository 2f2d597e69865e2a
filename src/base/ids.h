#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"

namespace sovmesh {

// 128 bits: 48 of milliseconds since 1970, 80 random. Sorts by time of creation.
class Ulid {
 public:
  constexpr Ulid() = default;
  static Ulid make(WallTime now, Random& random);
  // 26 characters of Crockford's base 32, as in "01J9Z3...".
  static Result<Ulid> parse(std::string_view text);
  static Ulid from_bytes(const std::array<unsigned char, 16>& bytes) { return Ulid(bytes); }

  std::string text() const;  // 26 characters
  std::string hex() const;   // 32 characters, lower case
  const std::array<unsigned char, 16>& bytes() const { return bytes_; }
  bool is_nil() const { return bytes_ == std::array<unsigned char, 16>{}; }
  friend auto operator<=>(const Ulid&, const Ulid&) = default;

 private:
  explicit constexpr Ulid(const std::array<unsigned char, 16>& bytes) : bytes_(bytes) {}
  std::array<unsigned char, 16> bytes_{};
};

// Makes strictly increasing ULIDs within one process. One per worker; not thread safe.
class UlidSource {
 public:
  UlidSource(const Clock& clock, Random& random) : clock_(clock), random_(random) {}
  Ulid next();

 private:
  const Clock& clock_;
  Random& random_;
  Ulid last_;
};

// 3..40 characters of [a-z0-9-], the first a letter: safe as a metrics label, a file name and a
// Kubernetes namespace. Valid by construction, so nothing past the edge checks it again. `Tag`
// keeps a tenant's name from being passed where a project's is wanted.
template <class Tag>
class Slug {
 public:
  static Result<Slug> parse(std::string_view text);
  std::string_view text() const { return text_; }
  friend auto operator<=>(const Slug&, const Slug&) = default;

 private:
  explicit Slug(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

struct TenantTag {
  static constexpr std::string_view kWhat = "tenant";
};
struct ProjectTag {
  static constexpr std::string_view kWhat = "project";
};
using TenantSlug = Slug<TenantTag>;
using ProjectSlug = Slug<ProjectTag>;

// A public model name: 1..128 characters of [A-Za-z0-9._:/@-], the first a letter or digit.
class ModelName {
 public:
  static Result<ModelName> parse(std::string_view text);
  std::string_view text() const { return text_; }
  friend auto operator<=>(const ModelName&, const ModelName&) = default;

 private:
  explicit ModelName(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// What a Host header can be compared with: 1..253 printable characters, lower case, without a port.
Result<void> check_host_name(std::string_view text);

// Immutable row ids. A tenant's slug may be reused after its death, its TenantId never.
template <class Tag>
struct Id {
  Ulid value;
  friend auto operator<=>(const Id&, const Id&) = default;
};
struct ModelTag {};
struct EngineTag {};
struct RequestTag {};
using TenantId = Id<TenantTag>;
using ProjectId = Id<ProjectTag>;
using ModelId = Id<ModelTag>;
using EngineId = Id<EngineTag>;
// Shown to clients as "req_" + hex.
using RequestId = Id<RequestTag>;

// The public half of an API key: 12 base62 characters. Valid by construction.
class KeyId {
 public:
  static Result<KeyId> parse(std::string_view text);
  std::string_view text() const { return {text_.data(), text_.size()}; }
  friend auto operator<=>(const KeyId&, const KeyId&) = default;

 private:
  std::array<char, 12> text_{};
};

}  // namespace sovmesh

template <class Tag>
struct std::hash<sovmesh::Id<Tag>> {
  std::size_t operator()(const sovmesh::Id<Tag>& id) const noexcept {
    std::size_t h = 0;
    for (std::size_t i = 8; i < 16; ++i)
      h = h << 8 | id.value.bytes()[i];  // the random half
    return h;
  }
};
template <>
struct std::hash<sovmesh::KeyId> {
  std::size_t operator()(const sovmesh::KeyId& id) const noexcept {
    return std::hash<std::string_view>{}(id.text());
  }
};

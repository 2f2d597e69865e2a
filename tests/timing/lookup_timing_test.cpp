// The time until a refusal does not tell a foreign model from an unknown one, nor a wrong secret
// from an unknown key. A planted early return shows that the measurement would see it.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "catalog/model_index.h"
#include "http/error_reply.h"
#include "identity/authenticator.h"
#include "llmapi/json_reader.h"
#include "llmapi/request.h"
#include "tenancy/key_format.h"
#include "tests/timing/welch.h"

namespace sovmesh::timing {
namespace {

constexpr WallTime kNow{std::chrono::hours(1'000'000)};
// Of each set. Few enough that both tables stay in the first cache: how often a line is met again
// is not the same for names that are there and for those beside them.
constexpr std::size_t kNames = 32;

class SeededRandom : public Random {
 public:
  void fill(std::span<unsigned char> out) override {
    std::ranges::generate(out, [this] { return static_cast<unsigned char>(engine_()); });
  }

 private:
  std::mt19937 engine_{7};
};

Ulid ulid(unsigned char n) {
  std::array<unsigned char, 16> bytes{};
  bytes[15] = n;
  return Ulid::from_bytes(bytes);
}

std::string random_name(Random& random) {
  std::array<unsigned char, 8> bytes{};
  random.fill(bytes);
  return "model-" + to_hex(bytes);
}

// Two worlds with the names and keys of two sets. What is foreign in one is unknown in the other,
// so that each name stands on both sides and what is special about it cancels out.
class LookUpTiming : public testing::Test {
 protected:
  struct World {
    std::shared_ptr<const identity::Directory> directory;
    std::unique_ptr<catalog::ModelIndex> index;
    std::optional<identity::Caller> caller;
  };

  LookUpTiming() {
    for (int i = 0; i < 8; ++i)
      key_models_.insert(*ModelName::parse(random_name(random_)));
    for (std::size_t set = 0; set < 2; ++set) {
      for (std::size_t i = 0; i < kNames; ++i) {
        names_[set].push_back(random_name(random_));
        keys_[set].emplace_back(tenancy::generate_key(random_).text.reveal());
        wrong_keys_[set].push_back(with_other_secret(keys_[set].back()));
      }
    }
    own_key_ = tenancy::generate_key(random_).text.reveal();
    for (std::size_t set = 0; set < 2; ++set)
      worlds_[set] = world_with(set);
  }

  World world_with(std::size_t set) {
    identity::DirectoryData data;
    for (const unsigned char n : {static_cast<unsigned char>(1), static_cast<unsigned char>(2)}) {
      data.tenants.push_back(
          {.id = {ulid(n)}, .slug = *TenantSlug::parse(n == 1 ? "own" : "other")});
      data.projects.push_back(
          {.id = {ulid(n)}, .tenant = {ulid(n)}, .slug = *ProjectSlug::parse("default")});
    }
    for (const std::string& name : names_[set])
      data.models.push_back(model(name, 2));
    for (const ModelName& name : key_models_)
      data.models.push_back(model(std::string(name.text()), 1));
    data.keys.push_back(key(own_key_, 1));
    for (const std::string& text : keys_[set])
      data.keys.push_back(key(text, 2));
    World world;
    world.index = std::make_unique<catalog::ModelIndex>(data.models);
    world.directory = *identity::Directory::build(std::move(data));
    world.caller = authenticator_.identify(world.directory, {.api_key = own_key_}, kNow).value();
    return world;
  }

  static catalog::Model model(const std::string& name, unsigned char owner) {
    catalog::Model out{.id = {}, .name = *ModelName::parse(name)};
    out.for_all_tenants = false;
    out.tenants = {{ulid(owner)}};
    return out;
  }

  tenancy::Key key(const std::string& text, unsigned char owner) {
    tenancy::Key key{
        .id = *tenancy::parse_key(text), .tenant = {ulid(owner)}, .project = {ulid(owner)}};
    key.scopes.set();
    key.pepper_id = 1;
    key.hmac = authenticator_.key_hmac(1, text);
    key.models = key_models_;
    return key;
  }

  // The same id and another secret, well-formed.
  std::string with_other_secret(const std::string& key) {
    const std::string other(tenancy::generate_key(random_).text.reveal());
    const std::string head = key.substr(0, 15) + other.substr(15, 44);
    return head + "-" + to_base62(crc32(head), 6);
  }

  // Kind 0: the text exists in the chosen world. Kind 1: it does not.
  auto chooser(const std::array<std::vector<std::string>, 2>& texts) {
    return [this, &texts](std::size_t kind, std::size_t i) {
      const std::size_t set = i % 2;
      text_ = texts[set][i / 2];
      world_ = &worlds_[kind == 0 ? set : 1 - set];
    };
  }

  // What the gateway does from the body to the bytes of its 404.
  template <class Find>
  auto refusal(Find find) {
    return [this, find] {
      std::string body = fmt::format(R"({{"messages":[],"model":"{}"}})", text_);
      const std::size_t size = body.size();
      body.append(llmapi::JsonReader::kPadding, '\0');
      const Result<std::string> wanted = llmapi::peek_model(std::string_view(body).substr(0, size));
      const Result<const catalog::Model*> found = find(*wanted);
      if (found) std::abort();
      shown_ += http::error_json(found.error(), &request_).size();
    };
  }

  Result<const catalog::Model*> find_with_early_return(std::string_view name) const {
    const catalog::Place place = world_->index->by_name(name);
    if (place.has_hash && world_->index->tenant_may(place.row, {ulid(1)})) std::abort();
    return client_error(Code::model_not_found, std::string(name), "model");
  }

  void refuse_key() {
    const auto caller = authenticator_.identify(world_->directory, {.api_key = text_}, kNow);
    if (caller) std::abort();
    shown_ += http::error_json(caller.error(), &request_).size();
  }

  SeededRandom random_;
  identity::Authenticator authenticator_{{{1, Secret("pepper one")}}, {}};
  std::set<ModelName> key_models_;
  std::string own_key_;
  std::array<std::vector<std::string>, 2> names_;
  std::array<std::vector<std::string>, 2> keys_;
  std::array<std::vector<std::string>, 2> wrong_keys_;
  std::array<World, 2> worlds_;
  RequestId request_;
  // Of the next call.
  std::string text_;
  const World* world_ = nullptr;
  std::size_t shown_ = 0;
};

TEST_F(LookUpTiming, DoesNotTellAForeignModelFromAnUnknownOne) {
  const auto find = [this](std::string_view name) { return world_->caller->model(name); };
  const Comparison got = least_of_three(2 * kNames, chooser(names_), refusal(find));
  fmt::print("foreign - unknown model: t {:.2f}, {:.2f} of {:.0f} cycles\n", got.t, got.difference,
             got.mean);
  EXPECT_LT(std::abs(got.t), kLeak);
}

TEST_F(LookUpTiming, WouldShowAnEarlyReturnForUnknownModels) {
  const auto find = [this](std::string_view name) { return find_with_early_return(name); };
  const Comparison got = compare_times(1, 2 * kNames, chooser(names_), refusal(find));
  fmt::print("with an early return: t {:.2f}, {:.2f} of {:.0f} cycles\n", got.t, got.difference,
             got.mean);
  EXPECT_GT(std::abs(got.t), kLeak);
}

// Key ids are random and no secret: here the expensive step, the HMAC, must happen either way.
TEST_F(LookUpTiming, AnUnknownKeyCostsAsMuchAsAWrongSecret) {
  const Comparison got =
      compare_times(1, 2 * kNames, chooser(wrong_keys_), [this] { refuse_key(); });
  fmt::print("wrong secret - unknown key: t {:.2f}, {:.2f} of {:.0f} cycles\n", got.t,
             got.difference, got.mean);
  EXPECT_LT(std::abs(got.difference), got.mean / 5);
}

TEST_F(LookUpTiming, WouldShowAnEarlyReturnForUnknownKeys) {
  const Comparison got = compare_times(1, 2 * kNames, chooser(wrong_keys_), [this] {
    if (world_->directory->key(*tenancy::parse_key(text_)) != nullptr) refuse_key();
  });
  fmt::print("with an early return: t {:.2f}, {:.2f} of {:.0f} cycles\n", got.t, got.difference,
             got.mean);
  EXPECT_GT(std::abs(got.difference), got.mean / 5);
}

}  // namespace
}  // namespace sovmesh::timing

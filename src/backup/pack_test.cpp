#include "backup/pack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "rt/sim/world.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::backup {
namespace {

using testing::HasSubstr;

class Memory : public Unpacker {
 public:
  Result<void> begin(const std::string& path, std::uint64_t size) override {
    path_ = path;
    size_ = size;
    files[path_].clear();
    return {};
  }
  Result<void> data(std::string_view bytes) override {
    files[path_] += bytes;
    return {};
  }
  Result<void> end() override {
    EXPECT_EQ(files[path_].size(), size_);
    return {};
  }
  std::map<std::string, std::string> files;

 private:
  std::string path_;
  std::uint64_t size_ = 0;
};

class PackTest : public testing::Test {
 protected:
  // An archive of what `fill` writes.
  std::string make(const std::function<void(SealedWriter&)>& fill) {
    std::string out;
    auto writer = SealedWriter::begin(secret_, {"now", "1"}, world_.random(),
                                      [&](std::string_view bytes) -> Result<void> {
                                        out += bytes;
                                        return {};
                                      });
    fill(*writer);
    return out;
  }
  Result<Manifest> read(const std::string& bytes, Memory& to) {
    std::size_t at = 0;
    TRY(SealedReader reader,
        SealedReader::open(secret_, [&](std::span<char> out) -> Result<std::size_t> {
          const std::size_t count = std::min(out.size(), bytes.size() - at);
          std::memcpy(out.data(), bytes.data() + at, count);
          at += count;
          return count;
        }));
    return unpack(reader, to);
  }
  static std::string file(const std::string& path, const std::string& bytes) {
    std::string out = "F";
    out += static_cast<char>(path.size());
    out += '\0';
    out += path;
    out += static_cast<char>(bytes.size());
    out += std::string(7, '\0');
    return out + bytes;
  }

  rt::sim::SimWorld world_{3};
  SecretBytes secret_ = SecretBytes::copy_of("0123456789abcdef0123456789abcdef");
};

TEST_F(PackTest, FilesAndManifestComeBack) {
  Manifest manifest{.created_at = "2026", .version = "1.0", .epoch = 3, .cut = {}, .files = {}};
  manifest.cut = {.control_schema = 4,
                  .control_version = 17,
                  .ledger_schema = 3,
                  .ledger_seq = 1000,
                  .ledger_open = 2,
                  .audit = true,
                  .audit_size = 55,
                  .audit_root = "abc=",
                  .audit_pending = 1};
  const std::string big(3'000'000, 'x');
  const std::string archive = make([&](SealedWriter& out) {
    PackWriter pack(out);
    ASSERT_THAT(pack.add("control.db", "hello"), Succeeds());
    ASSERT_THAT(pack.add("audit/tile/0/000.p/1", ""), Succeeds());
    std::size_t at = 0;
    ASSERT_THAT(pack.add("ledger.db", big.size(),
                         [&](std::span<char> piece) -> Result<std::size_t> {
                           const auto count = std::min<std::size_t>(piece.size(), 1000);
                           std::memcpy(piece.data(), big.data() + at, count);
                           at += count;
                           return count;
                         }),
                Succeeds());
    ASSERT_THAT(pack.finish(manifest), Succeeds());
  });
  Memory memory;
  const auto got = read(archive, memory);
  ASSERT_THAT(got, Succeeds());
  EXPECT_EQ(got->epoch, 3U);
  EXPECT_EQ(got->cut, manifest.cut);
  EXPECT_EQ(got->files, manifest.files);
  ASSERT_EQ(memory.files.size(), 3U);
  EXPECT_EQ(memory.files["control.db"], "hello");
  EXPECT_TRUE(memory.files["ledger.db"] == big);
}

TEST_F(PackTest, EveryChangedByteAndEveryTruncationIsFound) {
  Manifest manifest;
  const std::string archive = make([&](SealedWriter& out) {
    PackWriter pack(out);
    ASSERT_THAT(pack.add("control.db", "hello"), Succeeds());
    ASSERT_THAT(pack.finish(manifest), Succeeds());
  });
  Memory good;
  ASSERT_THAT(read(archive, good), Succeeds());
  for (std::size_t at = 0; at < archive.size(); ++at) {
    std::string changed = archive;
    changed[at] = static_cast<char>(changed[at] ^ 0x40);
    Memory memory;
    ASSERT_FALSE(read(changed, memory).has_value()) << "changed byte " << at;
    ASSERT_FALSE(read(archive.substr(0, at), memory).has_value()) << "cut at " << at;
  }
}

TEST_F(PackTest, PathsNeverLeadOut) {
  for (const char* good : {"control.db", "audit/tile/0/x001/000.p/1", "secrets/pepper.1", "a-b_c"})
    EXPECT_TRUE(is_packed_path(good)) << good;
  for (const char* bad : {"", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".hidden", "a/.b",
                          "a b", "a\\b", "a\nb"})
    EXPECT_FALSE(is_packed_path(bad)) << bad;
  const std::string archive = make([&](SealedWriter& out) {
    ASSERT_THAT(out.write(file("../outside", "x")), Succeeds());
    ASSERT_THAT(out.finish(), Succeeds());
  });
  Memory memory;
  const auto got = read(archive, memory);
  ASSERT_FALSE(got.has_value());
  EXPECT_THAT(got.error().message(), HasSubstr("leads elsewhere"));
  EXPECT_TRUE(memory.files.empty());
}

// Archives that only a broken writer makes: the manifest is checked against what was read.
TEST_F(PackTest, SabotagedManifestsAreRefused) {
  const auto refusal = [&](const std::string& files, const std::string& manifest) {
    const std::string archive = make([&](SealedWriter& out) {
      std::string text = files + "M";
      text += static_cast<char>(manifest.size() & 0xff);
      text += static_cast<char>(manifest.size() >> 8);
      text += std::string(2, '\0');
      ASSERT_THAT(out.write(text + manifest), Succeeds());
      ASSERT_THAT(out.finish(), Succeeds());
    });
    Memory memory;
    const auto got = read(archive, memory);
    return got ? std::string("none") : got.error().message();
  };
  const std::string head =
      R"({"format":1,"created_at":"","version":"","epoch":1,"cut":{"control_schema":0,)"
      R"("control_version":0,"ledger_schema":0,"ledger_seq":0,"ledger_open":0,"audit":false,)"
      R"("audit_size":0,"audit_root":"","audit_pending":0},"files":[)";
  const std::string one =
      R"({"path":"a","size":1,"sha256":")" +
      std::string("2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881") + R"("})";
  EXPECT_EQ(refusal(file("a", "x"), head + one + "]}"), "none");
  EXPECT_THAT(refusal(file("a", "y"), head + one + "]}"), HasSubstr("'a' is not as the manifest"));
  EXPECT_THAT(refusal(file("a", "x"), head + "]}"), HasSubstr("'a' is not as the manifest"));
  EXPECT_THAT(refusal("", head + one + "]}"), HasSubstr("'a' is missing"));
  EXPECT_THAT(refusal(file("a", "x") + file("a", "x"), head + one + "]}"), HasSubstr("twice"));
  EXPECT_THAT(refusal("", R"({"format":2})"), HasSubstr("newer"));
  EXPECT_THAT(refusal("", "[]"), HasSubstr("newer"));
  EXPECT_THAT(refusal("", R"({"format":1})"), HasSubstr("no sense"));
}

}  // namespace
}  // namespace sovmesh::backup

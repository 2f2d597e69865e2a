#include "backup/sealed_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "rt/sim/world.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::backup {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

class SealedFileTest : public testing::Test {
 protected:
  std::string archive_of(std::string_view plain, std::size_t step = 300'000) {
    std::string out;
    auto writer = SealedWriter::begin(secret_, {"2026-11-26T00:00:00Z", "1.2.3"}, world_.random(),
                                      [&](std::string_view bytes) -> Result<void> {
                                        out += bytes;
                                        return {};
                                      });
    EXPECT_THAT(writer, Succeeds());
    for (std::size_t at = 0; at < plain.size(); at += step)
      EXPECT_THAT(writer->write(plain.substr(at, step)), Succeeds());
    EXPECT_THAT(writer->finish(), Succeeds());
    EXPECT_EQ(writer->written(), out.size());
    return out;
  }
  // Source and reader go together.
  struct Opened {
    std::string bytes;
    std::size_t at = 0;
    std::optional<SealedReader> reader;
  };
  Result<std::string> read(std::string bytes, const SecretBytes& secret, std::size_t size) {
    std::size_t at = 0;
    TRY(SealedReader reader,
        SealedReader::open(secret, [&](std::span<char> out) -> Result<std::size_t> {
          const std::size_t count = std::min(out.size(), bytes.size() - at);
          std::memcpy(out.data(), bytes.data() + at, count);
          at += count;
          return count;
        }));
    std::string plain(size, '\0');
    TRY_VOID(reader.read(plain));
    TRY(const bool ended, reader.at_end());
    if (!ended) return client_error(Code::invalid_value, "goes on");
    EXPECT_EQ(reader.header().created_at, "2026-11-26T00:00:00Z");
    EXPECT_EQ(reader.header().version, "1.2.3");
    EXPECT_EQ(reader.digest(), sha256(bytes));
    return plain;
  }
  Result<std::string> read(const std::string& bytes, std::size_t size) {
    return read(bytes, secret_, size);
  }

  rt::sim::SimWorld world_{7};
  SecretBytes secret_ = SecretBytes::copy_of(kSecret);
};

std::string plain_of(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<char>(i * 31 + i / 251);
  return out;
}

TEST_F(SealedFileTest, WhatGoesInComesOut) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, kChunkBytes - 1, kChunkBytes,
                                 kChunkBytes + 1, 2 * kChunkBytes, 3 * kChunkBytes + 17}) {
    const std::string plain = plain_of(size);
    const auto got = read(archive_of(plain), size);
    ASSERT_THAT(got, Succeeds()) << size;
    EXPECT_TRUE(*got == plain) << size;
  }
}

TEST_F(SealedFileTest, NothingOfTheContentsIsReadable) {
  const std::string archive = archive_of("the canary sings in the mine");
  EXPECT_EQ(archive.find("canary"), std::string::npos);
  EXPECT_NE(archive, archive_of("the canary sings in the mine")) << "every archive has its salt";
}

TEST_F(SealedFileTest, EveryChangedBitOfASmallArchiveIsFound) {
  const std::string archive = archive_of("a small archive");
  for (std::size_t at = 0; at < archive.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = archive;
      changed[at] = static_cast<char>(changed[at] ^ (1 << bit));
      ASSERT_FALSE(read(changed, 15).has_value()) << "byte " << at << " bit " << bit;
    }
  }
}

TEST_F(SealedFileTest, EveryTruncationIsFoundAndSaysWhere) {
  const std::string archive = archive_of("a small archive");
  for (std::size_t size = 0; size < archive.size(); ++size) {
    const auto got = read(archive.substr(0, size), 15);
    ASSERT_FALSE(got.has_value()) << size;
    if (size > 20)
      ASSERT_THAT(got.error().message(), HasSubstr("byte " + std::to_string(size))) << size;
  }
}

TEST_F(SealedFileTest, AnythingAddedIsFound) {
  const std::string archive = archive_of("a small archive");
  EXPECT_FALSE(read(archive + 'x', 15).has_value());
  EXPECT_FALSE(read(archive + archive, 15).has_value());
}

TEST_F(SealedFileTest, ChunksCannotBeCutMovedDoubledOrAdded) {
  const std::size_t plain_bytes = 3 * kChunkBytes;
  const std::string archive = archive_of(plain_of(plain_bytes));
  constexpr std::size_t kSealed = kChunkBytes + kSealTagBytes;
  const std::size_t head = archive.size() - 3 * kSealed;
  const auto chunk = [&](std::size_t i) { return archive.substr(head + i * kSealed, kSealed); };
  const std::string begin = archive.substr(0, head);
  ASSERT_THAT(read(begin + chunk(0) + chunk(1) + chunk(2), plain_bytes), Succeeds());

  const auto cut = read(begin + chunk(0) + chunk(1), plain_bytes);
  ASSERT_FALSE(cut.has_value());
  EXPECT_THAT(cut.error().message(),
              HasSubstr("cut short: it ends at byte " + std::to_string(head + 2 * kSealed)));
  const auto added = read(archive + chunk(1), plain_bytes);
  ASSERT_FALSE(added.has_value());
  EXPECT_THAT(added.error().message(), HasSubstr("ends at byte " + std::to_string(archive.size())));
  const auto moved = read(begin + chunk(1) + chunk(0) + chunk(2), plain_bytes);
  ASSERT_FALSE(moved.has_value());
  EXPECT_THAT(moved.error().message(),
              HasSubstr("damaged between its bytes " + std::to_string(head) + " and " +
                        std::to_string(head + kSealed - 1)));
  EXPECT_FALSE(read(begin + chunk(0) + chunk(0) + chunk(1) + chunk(2), plain_bytes).has_value());
  EXPECT_FALSE(read(begin + chunk(0) + chunk(2), plain_bytes).has_value());
  // A whole chunk of another archive under the same secret.
  const std::string other = archive_of(plain_of(plain_bytes));
  EXPECT_FALSE(
      read(begin + other.substr(head, kSealed) + chunk(1) + chunk(2), plain_bytes).has_value());
}

TEST_F(SealedFileTest, SaysWhatIsWrong) {
  const std::string archive = archive_of("a small archive");
  const auto message = [&](const std::string& bytes) {
    const auto got = read(bytes, 15);
    return got ? std::string("nothing") : got.error().message();
  };
  EXPECT_THAT(message(""), HasSubstr("not a backup archive: it is empty"));
  EXPECT_THAT(message("SQLite format 3\nand more"), HasSubstr("not a backup archive"));
  EXPECT_THAT(message("sovmesh-backup 2\n" + archive.substr(17)), HasSubstr("newer release"));
  const auto wrong =
      read(archive, SecretBytes::copy_of("another key of at least 32 bytes length"), 15);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().code(), Code::insufficient_permissions);
  EXPECT_THAT(wrong.error().message(), HasSubstr("this key does not open the archive"));
  const auto weak = read(archive, SecretBytes::copy_of("short"), 15);
  ASSERT_FALSE(weak.has_value());
  EXPECT_THAT(weak.error().message(), HasSubstr("at least 32"));
}

// The form of docs/backup.md, computed from the primitives alone.
TEST_F(SealedFileTest, IsWhatTheDocumentationSays) {
  const std::string archive = archive_of("hello");
  const std::size_t line = archive.find('\n') + 1;
  const std::size_t head = archive.find('\n', line) + 1;
  EXPECT_EQ(archive.substr(0, line), "sovmesh-backup 1\n");
  const std::size_t at = archive.find(R"("salt":")") + 8;
  std::string salt;
  for (std::size_t i = 0; i < 64; i += 2)
    salt += static_cast<char>(std::stoi(archive.substr(at + i, 2), nullptr, 16));
  const SecretBytes key = hkdf_sha256(kSecret, salt, "sovmesh backup 1 data", 32);
  std::string sealed(11, '\0');
  sealed += '\1';
  sealed += archive.substr(head);
  const auto plain = open_sealed(key, sealed, archive.substr(0, head));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->reveal_text(), "hello");
}

// That the tests above can fail: a form without authentication would pass a changed byte on.
TEST_F(SealedFileTest, SabotagedAReaderThatDoesNotCheckIsNoticed) {
  std::string copy = "plain bytes";
  copy[3] = static_cast<char>(copy[3] ^ 1);
  EXPECT_FALSE(read(copy, 11).has_value());
  // The last chunk under the nonce of one that is not the last: order and end are in the nonce.
  const std::string archive = archive_of("hello");
  const std::size_t head = archive.find('\n', archive.find('\n') + 1) + 1;
  const std::size_t at = archive.find(R"("salt":")") + 8;
  std::string salt;
  for (std::size_t i = 0; i < 64; i += 2)
    salt += static_cast<char>(std::stoi(archive.substr(at + i, 2), nullptr, 16));
  const SecretBytes key = hkdf_sha256(kSecret, salt, "sovmesh backup 1 data", 32);
  const std::array<unsigned char, 12> not_last{};
  const std::string forged =
      seal_with_nonce(key, not_last, "hello", archive.substr(0, head)).substr(12);
  const auto got = read(archive.substr(0, head) + forged, 5);
  ASSERT_FALSE(got.has_value());
  EXPECT_THAT(got.error().message(), HasSubstr("cut short"));
}

}  // namespace
}  // namespace sovmesh::backup

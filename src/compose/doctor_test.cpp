#include "compose/doctor.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace sovmesh::compose {
namespace {

using testing::HasSubstr;
using Status = DoctorFinding::Status;

TEST(Doctor, ReadsWhoListensWhere) {
  const auto sockets = listening_sockets(
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout\n"
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
      "4711 1 0\n"
      "   1: 0100007F:1F91 0100007F:0050 01 00000000:00000000 00:00000000 00000000     0        0 "
      "4712 1 0\n"
      "   2: 00000000000000000000000001000000:1F92 00000000000000000000000000000000:0000 0A "
      "00000000:00000000 00:00000000 00000000     0        0 4713 1 0\n");
  ASSERT_EQ(sockets.size(), 2U);
  EXPECT_EQ(sockets[0].address, "127.0.0.1");
  EXPECT_EQ(sockets[0].port, 8080);
  EXPECT_EQ(sockets[0].inode, 4711U);
  EXPECT_EQ(sockets[1].address, "::1");
  EXPECT_EQ(sockets[1].port, 8082);
}

class DoctorStore : public testing::Test {
 protected:
  DoctorStore() {
    std::string name = testing::TempDir() + "doctorXXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~DoctorStore() override { std::filesystem::remove_all(folder_); }

  const DoctorFinding* find(std::string_view name) const {
    for (const DoctorFinding& one : report_.findings())
      if (one.name == name) return &one;
    return nullptr;
  }

  std::string folder_;
  DoctorReport report_;
};

TEST_F(DoctorStore, AnEmptyFolderIsNoFault) {
  EXPECT_EQ(examine_store(report_, {.data_dir = folder_, .config = {}}, WallTime{}), 0);
  ASSERT_NE(find("store.ledger"), nullptr);
  EXPECT_EQ(find("store.ledger")->status, Status::ok);
}

TEST_F(DoctorStore, AFileThatIsNoDatabaseIsOne) {
  std::ofstream(folder_ + "/ledger.db") << std::string(8192, 'x');
  std::ofstream(folder_ + "/control.db.created") << "";
  examine_store(report_, {.data_dir = folder_, .config = {}}, WallTime{});
  ASSERT_NE(find("store.ledger"), nullptr);
  EXPECT_EQ(find("store.ledger")->status, Status::error);
  EXPECT_EQ(find("store.control")->status, Status::error);
  EXPECT_THAT(find("store.control")->detail, HasSubstr("is gone"));
  EXPECT_TRUE(report_.has_error());
}

TEST_F(DoctorStore, AFolderThatOthersCanReadIsToBeClosed) {
  std::filesystem::permissions(folder_, std::filesystem::perms(0755));
  examine_store(report_, {.data_dir = folder_, .config = {}}, WallTime{});
  EXPECT_EQ(find("store.folder")->status, Status::warning);
  EXPECT_THAT(find("store.folder")->fix, HasSubstr("chmod 700"));
}

TEST_F(DoctorStore, AFolderThatSomebodyNamedMustBeThere) {
  DoctorOptions options{.data_dir = folder_ + "/none", .config = {}};
  examine_store(report_, options, WallTime{});
  EXPECT_EQ(find("store.folder")->status, Status::ok);
  options.is_data_dir_named = true;
  DoctorReport second;
  examine_store(second, options, WallTime{});
  EXPECT_TRUE(second.has_error());
}

TEST_F(DoctorStore, WhatIsNoRegularFileIsNotOpened) {
  ASSERT_EQ(::mkfifo((folder_ + "/ledger.db").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo((folder_ + "/lock").c_str(), 0600), 0);
  EXPECT_EQ(examine_store(report_, {.data_dir = folder_, .config = {}}, WallTime{}), 0);
  ASSERT_NE(find("store.ledger"), nullptr);
  EXPECT_EQ(find("store.ledger")->status, Status::error);
  EXPECT_THAT(find("store.ledger")->detail, HasSubstr("not a regular file"));
}

TEST_F(DoctorStore, AConfigurationThatNobodyWritesIsAFinding) {
  const std::string path = folder_ + "/mesh.yaml";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_FALSE(examine_config(report_, path, WallTime{}));
  ASSERT_EQ(report_.findings().size(), 1U) << "one fault, one finding";
  EXPECT_THAT(find("config")->detail, HasSubstr("into which nobody writes"));
}

TEST_F(DoctorStore, AModelFileThatIsAFifoIsNotOpened) {
  const std::string path = folder_ + "/model.gguf";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  config::Config config;
  config.engines.push_back({.name = "local", .managed = true, .model_file = path});
  config.engines[0].program = "/bin/true";
  examine_engines(report_, &config);
  ASSERT_NE(find("engine.local"), nullptr);
  EXPECT_THAT(report_.text(), HasSubstr("not a regular file"));
}

TEST(Doctor, TellsOneFaultOnce) {
  DoctorReport report;
  report.error("config", "mesh.yaml:4:3: error: the key does not fit", "mend it there");
  report.error("certificate", "the key does not fit", "see mesh.yaml:4:3");
  report.error("certificate", "the key does not fit", "see mesh.yaml:4:3");
  ASSERT_EQ(report.findings().size(), 1U);
  EXPECT_EQ(report.findings()[0].name, "certificate") << "who knows more tells it";
}

TEST(Doctor, PrintsTheSameAsTextAndAsJson) {
  DoctorReport report;
  report.ok("a", "fine");
  report.error("long.name", "bad", "mend it");
  EXPECT_EQ(report.text(),
            "ok       a         fine\n"
            "error    long.name bad\n"
            "                   -> mend it\n");
  const auto json = nlohmann::json::parse(report.json());
  EXPECT_EQ(json[0]["status"], "ok");
  EXPECT_TRUE(json[0]["fix"].is_null());
  EXPECT_EQ(json[1]["fix"], "mend it");
}

}  // namespace
}  // namespace sovmesh::compose

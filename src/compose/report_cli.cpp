#include "compose/report_cli.h"

#include <fmt/format.h>

#include <cstdio>

#include "compose/serve.h"
#include "control/verify_text.h"
#include "store_sqlite/ledger_verify.h"
#include "store_sqlite/vfs.h"

namespace sovmesh::compose {
namespace {

bool write_out(const std::string& text) {
  bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!text.ends_with('\n')) written = std::fputc('\n', stdout) != EOF && written;
  return std::fflush(stdout) == 0 && written;
}

}  // namespace

int print_report(const AdminCli& cli, std::string_view target) {
  const Result<AdminAnswer> answer = admin_ask(cli, "GET", target, {});
  if (!answer || answer->status >= 300) return admin_failed(answer);
  return write_out(answer->body) ? kExitOk : kExitFailed;
}

int verify_ledger_online(const AdminCli& cli) {
  const std::string target =
      cli.output == Output::json ? "/api/v1/ledger/verify" : "/api/v1/ledger/verify?format=text";
  const Result<AdminAnswer> answer = admin_ask(cli, "POST", target, {});
  if (!answer || answer->status >= 300) {
    const int code = admin_failed(answer);
    return code == kExitFailed ? kExitUnavailable : code;  // a refusal is no drift
  }
  const bool written = write_out(answer->body);
  const bool clean = cli.output == Output::json
                         ? answer->body.starts_with(R"({"clean":true)")
                         : answer->body.find(control::is_clean_text()) != std::string::npos;
  return written && clean ? kExitOk : kExitFailed;
}

int verify_ledger_offline(const std::string& data_dir, bool json) {
  const Result<store::VerifyReport> report =
      store_sqlite::verify_ledger(store_sqlite::real_disk(), data_dir + "/ledger.db");
  if (!report) {
    fmt::print(stderr, "sovmesh: {}\n", report.error().message());
    return kExitDataDir;
  }
  const bool written =
      write_out(json ? control::verify_json(*report) : control::verify_text(*report));
  return written && report->clean() ? kExitOk : kExitFailed;
}

}  // namespace sovmesh::compose

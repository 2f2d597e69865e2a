#include "compose/tools.h"

#include <cstdio>

#include "base/bytes.h"
#include "compose/engines.h"
#include "engine_process/sandbox.h"
#include "sim/engine_sim_command.h"

namespace sovmesh::compose {
namespace {

struct Finding {
  std::string name;
  bool good = false;
  std::string detail;
};

std::vector<Finding> examine() {
  std::vector<Finding> findings;
  const auto program = find_engine_program("");
  findings.push_back(
      {"engine", program.has_value(), program ? program->program : program.error().message()});
  for (const engine_process::Measure& measure : engine_process::probe_sandbox().measures)
    findings.push_back({"sandbox." + measure.name, measure.in_force, measure.detail});
  return findings;
}

void print_json(const std::vector<Finding>& findings) {
  std::string out = "[";
  for (const Finding& finding : findings) {
    if (out.size() > 1) out += ',';
    out += "{\"name\":";
    append_json_string(out, finding.name);
    out += finding.good ? ",\"ok\":true,\"detail\":" : ",\"ok\":false,\"detail\":";
    append_json_string(out, finding.detail);
    out += '}';
  }
  std::puts((out + "]").c_str());
}

}  // namespace

int engine_sim(const std::vector<std::string>& arguments) { return sim::run_engine_sim(arguments); }

int doctor(bool json) {
  const std::vector<Finding> findings = examine();
  bool all_good = true;
  for (const Finding& finding : findings) {
    all_good = all_good && finding.good;
    if (!json)
      std::printf("%-4s %-20s %s\n", finding.good ? "ok" : "NO", finding.name.c_str(),
                  finding.detail.c_str());
  }
  if (json) print_json(findings);
  return all_good ? 0 : 1;
}

}  // namespace sovmesh::compose

#include "engine_process/memory.h"

#include <charconv>
#include <fstream>
#include <string_view>

namespace sovmesh::engine_process {
namespace {

constexpr std::string_view kResident = "VmRSS:";  // "VmRSS:\t   51234 kB"
constexpr std::size_t kLinesMax = 200;            // the kernel's has some 60

}  // namespace

std::optional<std::int64_t> resident_bytes(int pid, const std::string& proc) {
  std::ifstream file(proc + "/" + std::to_string(pid) + "/status");
  std::string line;
  for (std::size_t i = 0; i < kLinesMax && std::getline(file, line); ++i) {
    if (!line.starts_with(kResident)) continue;
    const std::size_t digits = line.find_first_of("0123456789");
    if (digits == std::string::npos || !line.ends_with(" kB")) return std::nullopt;
    std::int64_t kib = 0;
    const auto [end, problem] =
        std::from_chars(line.data() + digits, line.data() + line.size(), kib);
    if (problem != std::errc() || kib > INT64_MAX / 1024) return std::nullopt;
    return kib * 1024;
  }
  return std::nullopt;
}

}  // namespace sovmesh::engine_process

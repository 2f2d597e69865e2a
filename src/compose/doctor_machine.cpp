#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <thread>

#include "base/bytes.h"
#include "compose/doctor.h"
#include "engine_process/sandbox.h"

// What the machine gives to a server.
namespace sovmesh::compose {
namespace {

constexpr std::uint64_t kMiB = 1U << 20;
constexpr std::uint64_t kMemoryMin = 512 * kMiB;  // of a gateway with the tiny model
constexpr rlim_t kFilesMin = 4'096;

// "MemAvailable:   123 kB" in bytes; 0: it does not say.
std::uint64_t memory(const std::string& member) {
  std::ifstream file("/proc/meminfo");
  std::string name, unit;
  std::uint64_t value = 0;
  while (file >> name >> value && std::getline(file, unit))
    if (name == member + ":") return value * 1'024;
  return 0;
}

struct Kernel {
  std::uint64_t major = 0, minor = 0;
};
Kernel kernel_of(std::string_view release) {
  const auto dot = release.find('.');
  const auto rest = dot == release.npos ? std::string_view() : release.substr(dot + 1);
  const auto end = rest.find_first_not_of("0123456789");
  return {parse_u64(release.substr(0, dot)).value_or(0),
          parse_u64(rest.substr(0, end)).value_or(0)};
}

void examine_kernel(DoctorReport& report) {
  utsname about{};
  if (::uname(&about) != 0) return;
  const std::string what = fmt::format("{} {} {}", about.sysname, about.release, about.machine);
  const Kernel kernel = kernel_of(about.release);
  if (kernel.major > 5 || (kernel.major == 5 && kernel.minor >= 13))
    return report.ok("system.kernel", what);
  report.warning("system.kernel", what,
                 "5.13 or newer can confine engines to their own files (Landlock)");
}

void examine_memory(DoctorReport& report) {
  const std::uint64_t available = memory("MemAvailable");
  if (available == 0) return;
  const std::string what =
      fmt::format("{} of {} MiB available, {} CPUs", available / kMiB, memory("MemTotal") / kMiB,
                  std::thread::hardware_concurrency());
  if (available >= kMemoryMin) return report.ok("system.memory", what);
  report.warning("system.memory", what,
                 "free some: under pressure the gateway refuses requests (docs/reliability.md)");
}

void examine_files(DoctorReport& report) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  const std::string what =
      fmt::format("{} file descriptors (hard limit {})", files.rlim_cur, files.rlim_max);
  if (files.rlim_cur >= kFilesMin) return report.ok("system.files", what);
  report.warning("system.files", what,
                 fmt::format("each connection takes one, each request to an engine another: allow "
                             "{} or more (ulimit -n, LimitNOFILE= of systemd)",
                             kFilesMin));
}

std::string sandbox_fix(std::string_view measure) {
  if (measure == "network" || measure == "identity")
    return "start the server as root, or let users make namespaces "
           "(kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0)";
  if (measure == "files") return "a kernel of 5.13 or newer with landlock among its lsm=";
  if (measure == "calls") return "a kernel with seccomp filters";
  return "docs/engines.md says what it needs";
}

}  // namespace

void examine_machine(DoctorReport& report) {
  examine_kernel(report);
  examine_memory(report);
  examine_files(report);
}

void examine_sandbox(DoctorReport& report) {
  for (const engine_process::Measure& measure : engine_process::probe_sandbox().measures) {
    const std::string name = "sandbox." + measure.name;
    if (measure.in_force)
      report.ok(name, measure.detail);
    else
      report.warning(name, "engines run without it: " + measure.detail, sandbox_fix(measure.name));
  }
}

// Limits, leases and the ledger go by this clock.
void examine_clock(DoctorReport& report) {
  timex state{};
  const int rc = ::adjtimex(&state);  // modes 0: reads only
  if (rc < 0) {
    if (errno != EPERM && errno != ENOSYS) return;
    return report.warning("clock.ntp", "the kernel does not tell (a container?)",
                          "see that the machine itself keeps its time by NTP");
  }
  const double error_ms = static_cast<double>(state.maxerror) / 1'000;
  if ((state.status & STA_UNSYNC) != 0 || rc == TIME_ERROR)
    return report.warning("clock.ntp", "the clock is not synchronised",
                          "run chrony, systemd-timesyncd or ntpd: windows of limits and the times "
                          "of the ledger go by this clock");
  report.ok("clock.ntp", fmt::format("synchronised, at most {:.0f} ms off", error_ms));
}

}  // namespace sovmesh::compose

#include "compose/model_check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/hash_stream.h"
#include "engine_process/sandbox.h"
#include "modelfile/inspect.h"
#include "rt/fd.h"
#include "rt/spawn.h"

namespace sovmesh::compose {
namespace {

namespace fs = std::filesystem;
using modelfile::Header;
using nlohmann::json;

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::uint64_t kToldEach = std::uint64_t{64} << 20;
constexpr std::int64_t kMemoryMax = std::int64_t{2} << 30;
constexpr std::chrono::seconds kStartMax{10};
constexpr std::chrono::seconds kSilenceMax{120};  // 64 MiB take no longer than that
constexpr std::size_t kReportMax = std::size_t{64} << 10;

std::unexpected<Error> unreadable(const std::string& path) {
  return our_error(Code::io_error,
                   fmt::format("'{}': {}", path,
                               std::strerror(errno)));  // NOLINT(concurrency-mt-unsafe): one thread
}

class FileSource final : public modelfile::ByteSource {
 public:
  static Result<FileSource> open(const std::string& path) {
    rt::Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat found{};
    if (!fd.valid() || ::fstat(fd.get(), &found) != 0) return unreadable(path);
    if (!S_ISREG(found.st_mode))
      return client_error(Code::invalid_value, fmt::format("'{}' is no file", path));
    return FileSource(std::move(fd), static_cast<std::uint64_t>(found.st_size), path);
  }
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(std::uint64_t offset, std::span<char> into) override {
    for (;;) {
      const ssize_t got = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return unreadable(path_);
    }
  }

 private:
  FileSource(rt::Fd fd, std::uint64_t size, std::string path)
      : fd_(std::move(fd)), size_(size), path_(std::move(path)) {}
  rt::Fd fd_;
  std::uint64_t size_;
  std::string path_;
};

// Reads one model, file by file.
class ModelReader {
 public:
  explicit ModelReader(const std::function<void(std::uint64_t)>& on_bytes) : on_bytes_(on_bytes) {}

  Result<ModelReport> file(const std::string& path) {
    if (fs::path(path).extension() != ".gguf") {
      return client_error(Code::invalid_value,
                          "want a .gguf file, or a folder with .safetensors files");
    }
    TRY(FileSource source, FileSource::open(path));
    ModelReport report;
    TRY(report.header, modelfile::read_gguf(source));
    report.bytes = source.size();
    TRY(report.digest, hash(source));
    report.format = report.header.format;
    return report;
  }

  Result<ModelReport> folder(const std::string& path) {
    TRY(const std::vector<std::string> names, names_in(path));
    TRY_VOID(modelfile::check_folder(names));
    ModelReport report;
    std::vector<modelfile::FileDigest> digests;
    std::optional<std::string> config;
    for (const std::string& name : names) {
      TRY(FileSource source, FileSource::open(fs::path(path) / name));
      TRY(const modelfile::Kind kind, modelfile::kind_of_file(name));
      if (kind == modelfile::Kind::safetensors) {
        auto header = modelfile::read_safetensors(source);
        if (!header)
          return client_error(Code::invalid_value,
                              fmt::format("'{}': {}", name, header.error().message()));
        modelfile::add(report.header, *header);
      }
      if (kind == modelfile::Kind::config) {
        TRY(config, text_of(source));
      }
      TRY(const Digest digest, hash(source));
      digests.push_back({.name = name, .digest = digest, .size = source.size()});
      report.bytes += source.size();
    }
    if (config) TRY_VOID(modelfile::add_config(report.header, *config));
    report.digest = modelfile::digest_of_folder(std::move(digests));
    report.format = report.header.format;
    return report;
  }

 private:
  static Result<std::vector<std::string>> names_in(const std::string& path) {
    std::vector<std::string> names;
    std::error_code why;
    for (fs::directory_iterator it(path, why), end; !why && it != end; it.increment(why))
      names.push_back(it->path().filename());
    if (why) return our_error(Code::io_error, fmt::format("'{}': {}", path, why.message()));
    std::ranges::sort(names);
    return names;
  }

  static Result<std::string> text_of(FileSource& source) {
    if (source.size() > modelfile::kConfigBytesMax)
      return client_error(Code::invalid_value, "config.json is too large");
    std::string text(static_cast<std::size_t>(source.size()), '\0');
    modelfile::Reader reader(source, source.size());
    TRY_VOID(reader.bytes(text));
    return text;
  }

  Result<Digest> hash(FileSource& source) {
    Sha256 hash;
    std::string piece(kPiece, '\0');
    for (std::uint64_t at = 0; at < source.size();) {
      TRY(const std::size_t got, source.read(at, piece));
      if (got == 0) return our_error(Code::io_error, "the file became shorter while it was read");
      hash.update(std::string_view(piece).substr(0, got));
      at += got;
      read_ += got;
      if (read_ / kToldEach == (read_ - got) / kToldEach) continue;
      on_bytes_(read_);
    }
    return hash.finish();
  }

  const std::function<void(std::uint64_t)>& on_bytes_;
  std::uint64_t read_ = 0;
};

std::string report_json(const ModelReport& report) {
  const Header& header = report.header;
  return json{{"format", report.format},
              {"digest", to_hex(report.digest)},
              {"bytes", report.bytes},
              {"architecture", header.architecture},
              {"name", header.name},
              {"licence", header.licence},
              {"quantisation", header.quantisation},
              {"context", header.context},
              {"parameters", header.parameters},
              {"tensors", header.tensors}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

std::unexpected<Error> no_report() {
  return our_error(Code::internal_error, "the process that reads the model ended without a word");
}

Result<ModelReport> parse_report(const std::string& text) {
  const json report = json::parse(text, nullptr, false);
  if (!report.is_object()) return no_report();
  if (report.contains("error"))
    return client_error(Code::invalid_value, report.value("error", std::string()));
  const std::string hex = report.value("digest", std::string());
  ModelReport out;
  if (hex.size() != out.digest.size() * 2) return no_report();
  for (std::size_t i = 0; i < out.digest.size(); ++i)
    out.digest.at(i) =
        static_cast<unsigned char>(std::strtoul(hex.substr(2 * i, 2).c_str(), nullptr, 16));
  const auto text_at = [&](const char* name) {
    return modelfile::shown(report.value(name, std::string()));
  };
  out.format = text_at("format");
  out.bytes = report.value("bytes", std::uint64_t{0});
  out.header = {.format = "",
                .architecture = text_at("architecture"),
                .name = text_at("name"),
                .licence = text_at("licence"),
                .quantisation = text_at("quantisation"),
                .context = report.value("context", std::int64_t{0}),
                .parameters = report.value("parameters", std::int64_t{0}),
                .tensors = report.value("tensors", std::int64_t{0})};
  return out;
}

// What the child says, line by line, until it is silent for too long or ends.
class Listener {
 public:
  Listener(rt::Spawned child, const std::function<void(std::uint64_t)>& on_bytes)
      : child_(std::move(child)), on_bytes_(on_bytes) {}
  ~Listener() {
    ::kill(child_.pid, SIGKILL);
    while (::waitpid(child_.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  Result<ModelReport> listen() {
    std::string said;
    for (;;) {
      pollfd waits{.fd = child_.output.get(), .events = POLLIN, .revents = 0};
      constexpr int kPatience = static_cast<int>(std::chrono::milliseconds(kSilenceMax).count());
      const int ready = ::poll(&waits, 1, kPatience);
      if (ready < 0 && errno == EINTR) continue;
      if (ready <= 0)
        return our_error(Code::internal_error, "the process that reads the model is stuck");
      std::array<char, 4096> block{};
      const ssize_t got = ::read(child_.output.get(), block.data(), block.size());
      if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
      if (got <= 0) return no_report();
      said.append(block.data(), static_cast<std::size_t>(got));
      for (auto end = said.find('\n'); end != said.npos; end = said.find('\n')) {
        const std::string line = said.substr(0, end);
        said.erase(0, end + 1);
        if (line.starts_with('{')) return parse_report(line);
        if (line.starts_with("bytes "))
          on_bytes_(parse_u64(std::string_view(line).substr(6)).value_or(0));
      }
      if (said.size() > kReportMax) return no_report();
    }
  }

 private:
  rt::Spawned child_;
  const std::function<void(std::uint64_t)>& on_bytes_;
};

}  // namespace

Result<ModelReport> read_model(const std::string& path,
                               const std::function<void(std::uint64_t)>& on_bytes) {
  std::error_code why;
  const auto status = fs::symlink_status(path, why);
  if (fs::is_directory(status)) return ModelReader(on_bytes).folder(path);
  if (fs::is_regular_file(status)) return ModelReader(on_bytes).file(path);
  return client_error(Code::invalid_value, fmt::format("'{}' is neither a file nor a folder{}",
                                                       path, why ? ": " + why.message() : ""));
}

Result<CheckedModel> check_model(const std::string& path,
                                 const std::function<void(std::uint64_t)>& on_bytes) {
  std::error_code why;
  const fs::path self = fs::read_symlink("/proc/self/exe", why);
  if (why) return our_error(Code::io_error, "/proc/self/exe: " + why.message());
  engine_process::SandboxNeeds needs{.read_trees = engine_process::program_trees(self),
                                     .read_files = {},
                                     .run_dir = fs::path(path).parent_path(),
                                     .memory_max_bytes = kMemoryMax,
                                     .name = "model-check"};
  (fs::is_directory(path) ? needs.read_trees : needs.read_files).push_back(path);
  engine_process::Confinement walls = engine_process::plan_sandbox(needs);
  rt::ProcessSpec spec{.program = self,
                       .arguments = {"model-check", path},
                       .environment = {},
                       .working_directory = "/",
                       .confine = walls.confine,
                       .namespaces = walls.namespaces};
  CheckedModel checked;
  for (const engine_process::Measure& measure : walls.report.measures)
    if (measure.in_force) checked.walls.push_back(measure.name);
  TRY(rt::Spawned child, rt::fork_and_exec(spec, kStartMax));
  TRY(checked.report, Listener(std::move(child), on_bytes).listen());
  return checked;
}

int run_model_check(const std::string& path) {
  const auto tell = [](std::uint64_t bytes) {
    std::printf("bytes %llu\n", static_cast<unsigned long long>(bytes));
    std::fflush(stdout);
  };
  const auto report = read_model(path, tell);
  const std::string said = report ? report_json(*report)
                                  : json{{"error", report.error().message()}}.dump(
                                        -1, ' ', false, json::error_handler_t::replace);
  std::puts(said.c_str());
  return report ? 0 : 1;
}

}  // namespace sovmesh::compose

#include "engine_process/command.h"

#include <sys/un.h>

#include <algorithm>
#include <initializer_list>

namespace sovmesh::engine_process {
namespace {

constexpr std::int64_t kBatchUsual = 512;
constexpr std::int64_t kBatchMost = 2'048;  // the engine's buffers grow with it

std::unexpected<Error> invalid(const engine::ManagedSpec& spec, std::string_view what) {
  return our_error(Code::config_invalid, "engine " + spec.name + ": " + std::string(what));
}

// It names a folder.
bool is_plain_name(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !name.empty() && name.front() != '.' && std::ranges::all_of(name, plain);
}

}  // namespace

std::string engine_folder(const engine::ManagedSpec& spec) {
  return spec.run_dir + "/" + spec.name;
}
std::string socket_path(const engine::ManagedSpec& spec) {
  return engine_folder(spec) + "/" + std::string(kSocketName);
}

Result<void> check(const engine::ManagedSpec& spec) {
  if (!is_plain_name(spec.name))
    return invalid(spec, "its name may hold letters, digits, '-', '_' and '.' only");
  if (!spec.program.starts_with('/')) return invalid(spec, "its program needs an absolute path");
  if (!spec.model_file.starts_with('/') || !spec.model_file.ends_with(".gguf"))
    return invalid(spec, "its model needs the absolute path of a .gguf file");
  if (!spec.run_dir.starts_with('/')) return invalid(spec, "its folder needs an absolute path");
  if (socket_path(spec).size() >= sizeof(sockaddr_un::sun_path))
    return invalid(spec, "the path of its folder is too long for a unix socket");
  if (spec.slots < 1 || spec.slots > 1'024) return invalid(spec, "slots must be 1..1024");
  if (spec.context_tokens < 1 || spec.context_tokens > (std::int64_t{1} << 24))
    return invalid(spec, "context must be 1..16777216 tokens");
  if (spec.threads < 1 || spec.threads > 1'024) return invalid(spec, "threads must be 1..1024");
  if (spec.memory_max_bytes < 0) return invalid(spec, "its memory limit is negative");
  for (const std::string& file : spec.adapter_files) {
    if (!file.starts_with('/')) return invalid(spec, "an adapter needs an absolute path");
    // The engine's own separators.
    if (file.find_first_of(":,") != file.npos)
      return invalid(spec, "an adapter's path must not contain ':' or ','");
  }
  return {};
}

std::vector<std::string> engine_arguments(const engine::ManagedSpec& spec) {
  const auto slots = static_cast<std::int64_t>(spec.slots);
  std::vector<std::string> arguments = spec.program_arguments;
  const auto add = [&arguments](std::initializer_list<std::string> more) {
    arguments.insert(arguments.end(), more);
  };
  add({"-m", spec.model_file, "--host", std::string(kSocketName)});
  // The engine splits its context evenly over its slots.
  add({"-c", std::to_string(slots * spec.context_tokens), "-np", std::to_string(slots)});
  add({"-t", std::to_string(spec.threads)});
  // No shared prompt cache: it would carry one tenant's prompts to another.
  add({"--metrics", "--no-slots", "--cache-ram", "0", "--offline", "--jinja"});
  // Notices within a second that a client is gone; bounds how long a stream can hold up its end.
  add({"--sse-ping-interval", "1"});
  if (spec.embeddings) {
    add({"--embeddings", "--pooling", "mean"});
    // An input of an embedding must fit into one batch, or the engine answers 500.
    const std::string batch =
        std::to_string(std::clamp<std::int64_t>(spec.context_tokens, kBatchUsual, kBatchMost));
    add({"-b", batch, "-ub", batch});
  }
  // Loaded but weightless until a request asks for one.
  for (const std::string& file : spec.adapter_files)
    add({"--lora-scaled", file + ":0.0"});
  return arguments;
}

}  // namespace sovmesh::engine_process

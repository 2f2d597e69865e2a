#include "audit_files/signer_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "rt/fd.h"
#include "rt/spawn.h"

// Messages are lines: a verb and its values one way, "ok" and values or "error", code and words the
// other. No value holds a newline except the note, which is the last one.
namespace sovmesh::audit_files {
namespace {

using ledgerlog::KeyEntry;

constexpr std::size_t kMessageMax = 64 * 1024;
constexpr std::chrono::milliseconds kStartMax{10'000};

std::unexpected<Error> garbled() {
  return our_error(Code::io_error, "the audit signer's answer makes no sense");
}

std::vector<std::string_view> take_lines(std::string_view text, std::size_t max) {
  std::vector<std::string_view> out;
  while (out.size() + 1 < max) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos) break;
    out.push_back(text.substr(0, end));
    text.remove_prefix(end + 1);
  }
  out.push_back(text);
  return out;
}

std::optional<Digest> digest_of(std::string_view base64) {
  const auto bytes = from_base64(base64);
  Digest digest{};
  if (!bytes || bytes->size() != digest.size()) return std::nullopt;
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

std::string text_of(const KeyEntry& entry) {
  return fmt::format("ok\n{}\n{}\n{}\n{}\n{}", entry.action == KeyEntry::Action::start ? 0 : 1,
                     entry.origin, entry.next, entry.previous, entry.signature);
}

std::string error_text(const Error& error) {
  const std::string_view code = error.code() == Code::conflict           ? "conflict"
                                : error.code() == Code::overloaded       ? "full"
                                : error.code() == Code::data_dir_invalid ? "invalid"
                                                                         : "io";
  return fmt::format("error\n{}\n{}", code, error.message());
}

std::unexpected<Error> error_of(const std::vector<std::string_view>& lines) {
  if (lines.size() != 3 || lines[0] != "error") return garbled();
  const Code code = lines[1] == "conflict"  ? Code::conflict
                    : lines[1] == "full"    ? Code::overloaded
                    : lines[1] == "invalid" ? Code::data_dir_invalid
                                            : Code::io_error;
  return our_error(code, fmt::format("audit signer: {}", lines[2]));
}

std::string sign(Signer& signer, std::string_view values) {
  const auto lines = take_lines(values, ledgerlog::kProofHashesMax + 3);
  const auto size = parse_u64(lines[0]);
  const auto root = lines.size() > 1 ? digest_of(lines[1]) : std::nullopt;
  ledgerlog::Proof proof;
  for (std::size_t i = 2; i < lines.size(); ++i) {
    const auto hash = digest_of(lines[i]);
    if (!hash) return "error\nio\na hash of the proof is none";
    proof.push_back(*hash);
  }
  if (!size || !root) return "error\nio\nthe request is none";
  const auto note = signer.sign(*size, *root, proof);
  return note ? "ok\n" + *note : error_text(note.error());
}

std::string state(Signer& signer) {
  const auto found = signer.state();
  if (!found) return error_text(found.error());
  std::string out = fmt::format("ok\n{}\n{}\n{}", found->size, to_base64(found->root), found->key);
  if (found->rotation)
    out += fmt::format("\n{}\n{}", found->rotation->index, found->rotation->next);
  return out;
}

// One message each way over a connected socket. `is_late`: asked each time that `step` has passed
// without an answer; false: wait on.
Result<std::string> exchange(int socket, std::string_view request, std::chrono::milliseconds step,
                             const std::function<bool()>& is_late) {
  if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) < 0)
    return our_error(Code::closed, "the audit signer has ended");
  pollfd ready{.fd = socket, .events = POLLIN, .revents = 0};
  while (true) {
    const int found = ::poll(&ready, 1, static_cast<int>(step.count()));
    if (found > 0 || (found < 0 && errno != EINTR)) break;
    if (found == 0 && is_late())
      return our_error(Code::dependency_unavailable, "the audit signer does not answer");
  }
  std::string answer(kMessageMax, '\0');
  const ssize_t got = ::recv(socket, answer.data(), answer.size(), 0);
  if (got <= 0) return our_error(Code::closed, "the audit signer has ended");
  answer.resize(static_cast<std::size_t>(got));
  return answer;
}

class Client : public Signer {
 public:
  virtual Result<std::string> ask(std::string_view request) = 0;

  Result<SignerState> state() override {
    TRY(const std::string answer, ask("state"));
    const auto lines = take_lines(answer, 7);
    if (lines[0] != "ok") return error_of(take_lines(answer, 3));
    if (lines.size() != 4 && lines.size() != 6) return garbled();
    const auto size = parse_u64(lines[1]);
    const auto root = digest_of(lines[2]);
    if (!size || !root) return garbled();
    SignerState out{.size = *size, .root = *root, .key = std::string(lines[3]), .rotation = {}};
    if (lines.size() == 4) return out;
    const auto index = parse_u64(lines[4]);
    if (!index) return garbled();
    out.rotation = {.index = *index, .next = std::string(lines[5])};
    return out;
  }
  Result<std::string> sign(std::uint64_t size, const Digest& root,
                           const ledgerlog::Proof& consistency) override {
    std::string request = fmt::format("sign\n{}\n{}", size, to_base64(root));
    for (const Digest& hash : consistency)
      request += "\n" + to_base64(hash);
    TRY(const std::string answer, ask(request));
    if (!answer.starts_with("ok\n")) return error_of(take_lines(answer, 3));
    return answer.substr(3);
  }
  Result<KeyEntry> key_start() override { return ask_for_entry("start"); }
  Result<KeyEntry> begin_rotation(std::uint64_t index) override {
    return ask_for_entry(fmt::format("rotate\n{}", index));
  }
  Result<void> cancel_rotation() override {
    TRY(const std::string answer, ask("cancel"));
    if (answer != "ok") return error_of(take_lines(answer, 3));
    return {};
  }

 private:
  Result<KeyEntry> ask_for_entry(const std::string& request) {
    TRY(const std::string answer, ask(request));
    const auto lines = take_lines(answer, 7);
    if (lines[0] != "ok") return error_of(take_lines(answer, 3));
    if (lines.size() != 6) return garbled();
    return KeyEntry{.action = lines[1] == "0" ? KeyEntry::Action::start : KeyEntry::Action::rotate,
                    .origin = std::string(lines[2]),
                    .previous = std::string(lines[4]),
                    .next = std::string(lines[3]),
                    .signature = std::string(lines[5])};
  }
};

class SocketClient final : public Client {
 public:
  explicit SocketClient(int socket) : socket_(socket) {}
  Result<std::string> ask(std::string_view request) override {
    return exchange(socket_, request, kStartMax, [] { return true; });
  }

 private:
  int socket_;
};

class ProcessClient final : public Client {
 public:
  explicit ProcessClient(SignerProcessOptions options) : options_(std::move(options)) {}
  ~ProcessClient() override { end(); }

  Result<std::string> ask(std::string_view request) override {
    Result<std::string> answer = ask_once(request);
    // A dead one is replaced at once, one that hung with the next call. Only a rotation that has
    // begun must not begin twice.
    const bool is_dead = !answer && answer.error().code() == Code::closed;
    if (is_dead && !request.starts_with("rotate")) answer = ask_once(request);
    return answer;
  }

  Result<void> start() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0)
      return our_error(Code::io_error, "no socket for the audit signer");
    rt::Fd near(ends[0]);
    const rt::Fd far(ends[1]);
    const int their_end = far.get();
    rt::ProcessSpec spec;
    spec.program = options_.program;
    spec.arguments = {"audit-signer",
                      "--key",
                      options_.place.key_file,
                      "--state",
                      options_.place.state_file,
                      "--origin",
                      options_.place.origin};
    if (options_.place.new_log) spec.arguments.emplace_back("--new-log");
    spec.confine = [their_end] {
      if (their_end == kSignerSocket) {
        return ::fcntl(their_end, F_SETFD, 0) == 0 ? 0 : errno;
      }
      return ::dup2(their_end, kSignerSocket) >= 0 ? 0 : errno;
    };
    TRY(rt::Spawned child, rt::fork_and_exec(spec, kStartMax));
    pid_ = child.pid;
    socket_ = std::move(near);
    // Its words are few and go nowhere: what went wrong comes as an answer.
    output_ = std::move(child.output);
    return {};
  }

 private:
  Result<std::string> ask_once(std::string_view request) {
    if (!socket_.valid()) {
      TRY_VOID(start());
    }
    int late = 0;
    Result<std::string> answer =
        exchange(socket_.get(), request, options_.answer_max, [&] { return is_too_late(++late); });
    if (!answer) {
      end();  // it may be in the middle of something: never talk to it again
    } else if (request.starts_with("sign\n") && answer->starts_with("ok\n")) {
      options_.place.new_log = false;  // the next one must find its key and its memory
    }
    return answer;
  }

  bool is_too_late(int times) {
    SignerTroubles& troubles = *options_.troubles;
    ++troubles.late;
    const auto waited = options_.answer_max * times;
    if (times < SignerProcessOptions::kLateMax) {
      if (times == 1)
        troubles.say(fmt::format("no answer within {} ms: entries go on without a checkpoint",
                                 waited.count()));
      return false;
    }
    ++troubles.killed;
    troubles.say(
        fmt::format("no answer within {} ms: it is killed and started again", waited.count()));
    ::kill(pid_, SIGKILL);
    return true;
  }

  // A process that holds a key and does not end when its socket does is killed.
  void end() {
    socket_.reset();
    if (pid_ < 0) return;
    constexpr std::timespec kStep{.tv_sec = 0, .tv_nsec = 5'000'000};
    for (int i = 0; i < 200; ++i) {
      if (::waitpid(pid_, nullptr, WNOHANG) != 0) {
        pid_ = -1;
        return;
      }
      ::nanosleep(&kStep, nullptr);
    }
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  SignerProcessOptions options_;
  rt::Fd socket_;
  rt::Fd output_;
  pid_t pid_ = -1;
};

// Answers every request with why there is no signer.
class NoSigner final : public Signer {
 public:
  explicit NoSigner(Error why) : why_(std::move(why)) {}
  Result<SignerState> state() override { return fail(why_); }
  Result<std::string> sign(std::uint64_t, const Digest&, const ledgerlog::Proof&) override {
    return fail(why_);
  }
  Result<KeyEntry> key_start() override { return fail(why_); }
  Result<KeyEntry> begin_rotation(std::uint64_t) override { return fail(why_); }
  Result<void> cancel_rotation() override { return fail(why_); }

 private:
  Error why_;
};

int answer_until_end(int socket, Signer& signer) {
  std::string request;
  while (true) {
    request.resize(kMessageMax);
    const ssize_t got = ::recv(socket, request.data(), request.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0 ? 0 : 1;
    request.resize(static_cast<std::size_t>(got));
    const std::string answer = answer_signer_request(signer, request);
    if (::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return 1;
  }
}

}  // namespace

std::string answer_signer_request(Signer& signer, std::string_view request) {
  const auto parts = take_lines(request, 2);
  const std::string_view values = parts.size() == 2 ? parts[1] : std::string_view();
  if (request == "state") return state(signer);
  if (parts[0] == "sign" && parts.size() == 2) return sign(signer, values);
  Result<KeyEntry> entry = our_error(Code::io_error, "an unknown request");
  if (request == "start") entry = signer.key_start();
  if (request == "cancel") {
    const auto done = signer.cancel_rotation();
    return done ? "ok" : error_text(done.error());
  }
  const auto index = parts[0] == "rotate" ? parse_u64(values) : std::nullopt;
  if (index) entry = signer.begin_rotation(*index);
  return entry ? text_of(*entry) : error_text(entry.error());
}

std::unique_ptr<Signer> make_signer_client(int socket) {
  return std::make_unique<SocketClient>(socket);
}

Result<std::unique_ptr<Signer>> start_signer_process(SignerProcessOptions options) {
  auto client = std::make_unique<ProcessClient>(std::move(options));
  TRY_VOID(client->start());
  return client;
}

int run_signer(int socket, Random& random, SignerPlace place) {
  // The key must not leave by a core file, by a debugger of the same user, or by a child.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  const rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);
  ::umask(0077);
  // It ends when its parent's socket does, after what it is doing.
  for (const int number : {SIGTERM, SIGINT, SIGHUP})
    ::signal(number, SIG_IGN);
  auto signer = FileSigner::open(real_files(), random, std::move(place));
  if (signer) return answer_until_end(socket, *signer);
  NoSigner none_there(signer.error());
  answer_until_end(socket, none_there);
  return 1;
}

}  // namespace sovmesh::audit_files

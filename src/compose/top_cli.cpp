#include "compose/top_cli.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <limits>
#include <optional>
#include <utility>

#include "compose/contexts.h"
#include "compose/serve.h"
#include "compose/top_text.h"

namespace sovmesh::compose {
namespace {

using nlohmann::json;

constexpr std::string_view kClear = "\x1b[H\x1b[2J";

// The rows of a list, or an object; null where the caller may not see it or there is no such thing.
Result<json> read(AdminHttp& http, const char* target) {
  TRY(const AdminAnswer answer, http.ask("GET", target, {}));
  if (answer.status == 401)
    return client_error(Code::invalid_value, "the server does not know us (any more): sign in");
  if (answer.status >= 300) return json();
  json body = json::parse(answer.body, nullptr, false);
  if (!body.is_object()) return json();
  return body.contains("data") ? std::move(body["data"]) : std::move(body);
}

Result<TopView> look(AdminHttp& http, const std::string& place) {
  TopView view{.live = {}, .engines = {}, .pools = {}, .system = {}, .place = place};
  TRY(view.live, read(http, "/api/v1/live"));
  TRY(view.system, read(http, "/api/v1/system"));
  if (!view.live.contains("engines")) {
    TRY(view.engines, read(http, "/api/v1/engines?limit=1000"));
  }
  TRY(view.pools, read(http, "/api/v1/pools?limit=1000"));
  return view;
}

// A terminal in the state that a live picture wants; as it was before when this goes.
class Screen {
 public:
  Screen() {
    sigset_t ours;
    ::sigemptyset(&ours);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGWINCH})
      ::sigaddset(&ours, number);
    ::pthread_sigmask(SIG_BLOCK, &ours, &mask_before_);
    signals_ = ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    is_terminal_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (is_terminal_) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    write("\x1b[?1049h\x1b[?25l");  // the other screen, no cursor
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen() {
    write("\x1b[?25h\x1b[?1049l");
    if (is_terminal_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
    ::close(signals_);
    ::pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
  }

  void show(const std::string& text) const { write(std::string(kClear) + text); }

  static std::pair<std::size_t, std::size_t> size() {
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return {80, 24};
    return {size.ws_col, size.ws_row};
  }

  enum class Wake : std::uint8_t { time, resized, quit };
  Wake wait(std::chrono::milliseconds time) const {
    std::array<pollfd, 2> sources{
        pollfd{.fd = signals_, .events = POLLIN, .revents = 0},
        pollfd{.fd = is_terminal_ ? STDIN_FILENO : -1, .events = POLLIN, .revents = 0}};
    ::poll(sources.data(), sources.size(), static_cast<int>(time.count()));
    signalfd_siginfo signal{};
    bool is_resized = false;
    while (::read(signals_, &signal, sizeof signal) == sizeof signal) {
      if (signal.ssi_signo != SIGWINCH) return Wake::quit;
      is_resized = true;
    }
    if ((sources[1].revents & (POLLHUP | POLLERR)) != 0) return Wake::quit;
    char key = 0;
    if ((sources[1].revents & POLLIN) != 0 &&
        (::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q' || key == 3))
      return Wake::quit;
    return is_resized ? Wake::resized : Wake::time;
  }

 private:
  static void write(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
  }

  termios before_{};
  sigset_t mask_before_{};
  int signals_ = -1;
  bool is_terminal_ = false;
};

int complain(const Error& error) {
  fmt::print(stderr, "sovmesh: {}\n", error.message());
  return error.code() == Code::dependency_unavailable ? kExitUnreachable : kExitFailed;
}

std::string place_text(const AdminCli& cli) {
  if (cli.is_unnamed)
    if (const auto context = current_context(); context && *context) return (*context)->place.url;
  if (!cli.url.empty()) return cli.url;
  return cli.address.empty() ? cli.data_dir : cli.address;
}

// A server that restarts is waited for; what was known of it stays on the screen.
int go_on(AdminHttp& http, const std::string& place, const TopOptions& options, TopView view) {
  const Screen screen;
  std::string trouble;
  for (;;) {
    const auto [width, height] = Screen::size();
    const std::size_t room = height > 2 ? height - 2 : 1;
    std::string text = top_text(view, width, room);
    if (!trouble.empty()) text += trouble.substr(0, width) + "\n";
    screen.show(text);
    const Screen::Wake wake = screen.wait(options.interval);
    if (wake == Screen::Wake::quit) return kExitOk;
    if (wake == Screen::Wake::resized) continue;
    auto next = look(http, place);
    trouble = next ? "" : printable(std::string(next.error().message()));
    if (next) view = *std::move(next);
  }
}

}  // namespace

int top(const AdminCli& cli, const TopOptions& options) {
  auto http = connect(cli);
  if (!http) return complain(http.error());
  const std::string place = place_text(cli);
  auto view = look(*http, place);
  if (!view) return complain(view.error());
  const bool is_live = !options.once && ::isatty(STDOUT_FILENO) != 0;
  if (is_live) return go_on(*http, place, options, *std::move(view));
  fmt::print("{}", top_text(*view, std::numeric_limits<std::size_t>::max(), 0));
  return kExitOk;
}

}  // namespace sovmesh::compose

#include "config/values.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <functional>
#include <iterator>
#include <system_error>

#include "base/bytes.h"
#include "base/time_text.h"
#include "base/time_zone.h"

namespace sovmesh::config {
namespace {

std::unexpected<Error> want(std::string message) {
  return our_error(Code::config_invalid, std::move(message));
}

template <class T>
Result<void> parse_integer(std::string_view text, T& out, Bounds bounds) {
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) {
    return want(fmt::format("want a whole number, not '{}'", text));
  }
  const std::int64_t low = std::max<std::int64_t>(bounds.min, std::numeric_limits<T>::min());
  const std::int64_t high = std::min<std::int64_t>(bounds.max, std::numeric_limits<T>::max());
  if (value < low || value > high) {
    return want(bounds.max == std::numeric_limits<std::int64_t>::max()
                    ? fmt::format("want at least {}, not {}", low, value)
                    : fmt::format("want a number from {} to {}, not {}", low, high, value));
  }
  out = static_cast<T>(value);
  return {};
}

// What a shell's <(command) has to say, it says within this time.
constexpr std::chrono::milliseconds kFifoSilenceMax{10'000};

class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

Result<void> parse_value(std::string_view text, bool& out, Bounds) {
  if (text != "true" && text != "false") {
    return want(fmt::format("want true or false, not '{}'", text));
  }
  out = text == "true";
  return {};
}

Result<void> parse_value(std::string_view text, int& out, Bounds bounds) {
  return parse_integer(text, out, bounds);
}

Result<void> parse_value(std::string_view text, std::int64_t& out, Bounds bounds) {
  return parse_integer(text, out, bounds);
}

Result<void> parse_value(std::string_view text, std::string& out, Bounds) {
  if (text.find('\0') != std::string_view::npos) return want("a text must not hold a NUL");
  out = text;
  return {};
}

Result<void> parse_value(std::string_view text, std::chrono::milliseconds& out, Bounds bounds) {
  const auto value = parse_duration(text);
  if (!value) {
    return want(fmt::format("want a duration as 250ms, 30s, 5m, 24h or 7d, not '{}'", text));
  }
  if (value->count() < bounds.min) {
    return want(bounds.min < 1000
                    ? fmt::format("want at least {}ms, not {}", bounds.min, text)
                    : fmt::format("want at least {}s, not {}", bounds.min / 1000, text));
  }
  if (value->count() > bounds.max)
    return want(fmt::format("want at most {}s, not {}", bounds.max / 1000, text));
  out = *value;
  return {};
}

Result<void> parse_value(std::string_view text, Decimal& out, Bounds) {
  const Result<Decimal> value = parse_decimal(text);
  if (!value) return want(value.error().message());
  out = *value;
  return {};
}

Result<std::string> interpolate(
    std::string_view text,
    const std::function<std::optional<std::string>(std::string_view)>& environment) {
  std::string out;
  while (true) {
    const auto open = text.find("${");
    out += text.substr(0, open);
    if (open == std::string_view::npos) return out;
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) return want("'${' without '}'");
    const std::string_view inside = text.substr(open + 2, close - open - 2);
    const auto colon = inside.find(":-");
    const std::string_view name = inside.substr(0, colon);
    if (auto value = environment(name)) {
      out += *value;
    } else if (colon != std::string_view::npos) {
      out += inside.substr(colon + 2);
    } else {
      return want(
          fmt::format("the environment variable '{}' is not set; give it, or write "
                      "${{{}:-DEFAULT}}",
                      name, name));
    }
    text.remove_prefix(close + 1);
  }
}

Result<SecretRef> parse_secret_ref(std::string_view text) {
  for (const std::string_view prefix : {"file:", "env:"}) {
    if (text.starts_with(prefix) && text.size() > prefix.size()) {
      return SecretRef{.is_file = prefix == "file:",
                       .name = std::string(text.substr(prefix.size()))};
    }
  }
  return want("a secret must not stand here in clear: write file:PATH or env:NAME");
}

Result<void> check_origin(std::string_view origin) {
  const bool is_tls = origin.starts_with("https://");
  if (!is_tls && !origin.starts_with("http://"))
    return want("want an exact origin such as https://app.example");
  const std::string_view host = origin.substr(is_tls ? 8 : 7);
  const bool fits = !host.empty() && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' ||
           c == '[' || c == ']';
  });
  if (!fits)
    return want(
        "want scheme, host and port in lower case, no path and no '*': browsers send "
        "https://app.example");
  if (host.ends_with(is_tls ? ":443" : ":80"))
    return want("leave the port out: browsers do not send the usual one");
  return {};
}

Result<void> check_webhook_url(std::string_view url) {
  const bool is_tls = url.starts_with("https://");
  if (!is_tls && !url.starts_with("http://")) return want("want https://HOST/PATH");
  const bool fits = std::ranges::all_of(
      url, [](char c) { return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '#'; });
  const std::string_view rest = url.substr(is_tls ? 8 : 7);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (!fits || authority.empty() || authority.contains('@') || authority.starts_with(':'))
    return want("want https://HOST/PATH without user, '#' or spaces");
  if (is_tls) return {};
  const std::string_view host = authority.starts_with('[')
                                    ? authority.substr(0, authority.find(']') + 1)
                                    : authority.substr(0, authority.find(':'));
  const bool is_four = host.starts_with("127.") && std::ranges::all_of(host, [](char c) {
                         return (c >= '0' && c <= '9') || c == '.';
                       });
  if (is_four || host == "localhost" || host == "[::1]") return {};
  return want("want https: over http only this machine (127.0.0.1, [::1], localhost) is told");
}

Result<void> check_webhook_place(std::string_view place) {
  TRY_VOID(check_webhook_url(place));
  const std::string_view rest = place.substr(place.find("//") + 2);
  const std::string_view path = rest.substr(std::min(rest.find('/'), rest.size()));
  const bool is_plain = std::ranges::all_of(path, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/-._~").contains(c);
  });
  const bool is_dotted = path.contains("/.") || path.contains("//");
  if (is_plain && !is_dotted && !rest.contains('?') && !rest.contains('*')) return {};
  return want(
      "want https://HOST, or https://HOST/PATH without query, escapes, '*' and dotted parts");
}

std::optional<WallTime> parse_date_or_time(std::string_view text) {
  constexpr std::size_t kDate = std::string_view("2027-01-01").size();
  if (text.size() != kDate) return parse_rfc3339(text);
  return parse_rfc3339(std::string(text) + "T00:00:00Z");
}

Result<void> check_time_zone(std::string_view text) {
  if (const auto zone = TimeZone::find(text); zone) return {};
  // A hint for those who are likely to be here; the database has 600 names.
  static constexpr std::array<std::string_view, 24> kLikely{"UTC",
                                                            "Europe/Amsterdam",
                                                            "Europe/Athens",
                                                            "Europe/Berlin",
                                                            "Europe/Bucharest",
                                                            "Europe/Brussels",
                                                            "Europe/Budapest",
                                                            "Europe/Copenhagen",
                                                            "Europe/Dublin",
                                                            "Europe/Helsinki",
                                                            "Europe/Lisbon",
                                                            "Europe/London",
                                                            "Europe/Madrid",
                                                            "Europe/Oslo",
                                                            "Europe/Paris",
                                                            "Europe/Prague",
                                                            "Europe/Riga",
                                                            "Europe/Rome",
                                                            "Europe/Stockholm",
                                                            "Europe/Tallinn",
                                                            "Europe/Vienna",
                                                            "Europe/Vilnius",
                                                            "Europe/Warsaw",
                                                            "Europe/Zurich"};
  for (const std::string_view zone : kLikely) {
    if (zone.ends_with(text) && zone != text && text.size() > 2)
      return want(fmt::format("there is no zone '{}'; did you mean '{}'?", text, zone));
  }
  const std::string_view hint = closest(text, kLikely);
  if (!hint.empty())
    return want(fmt::format("there is no zone '{}'; did you mean '{}'?", text, hint));
  return want(
      fmt::format("want a zone of the IANA database, as UTC or Europe/Copenhagen, not '{}'", text));
}

Result<void> check_currency(std::string_view text) {
  if (text.size() == 3 && std::ranges::all_of(text, [](char c) { return c >= 'A' && c <= 'Z'; }))
    return {};
  return want(fmt::format("want a currency as 3 capitals (EUR, DKK), not '{}'", text));
}

Result<std::string> read_text_file(const std::string& path, std::size_t bytes_max) {
  // Opened so that nothing waits: a FIFO that nobody writes into would hold us up for ever.
  const OpenFile file(path);
  struct stat info{};
  if (file.fd() < 0 || ::fstat(file.fd(), &info) != 0)
    return want(fmt::format("cannot read '{}'", path));
  const bool is_fifo = S_ISFIFO(info.st_mode);
  if (!S_ISREG(info.st_mode) && !is_fifo)
    return want(fmt::format("cannot read '{}': it is not a regular file", path));
  std::string text;
  std::array<char, 16 * 1024> block;
  while (text.size() <= bytes_max) {
    const ssize_t got = ::read(file.fd(), block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      pollfd wait{.fd = file.fd(), .events = POLLIN, .revents = 0};
      if (::poll(&wait, 1, static_cast<int>(kFifoSilenceMax.count())) != 0) continue;
      return want(fmt::format("cannot read '{}': it is a FIFO, and nothing came out of it for {} s",
                              path, kFifoSilenceMax.count() / 1000));
    }
    if (got < 0) return want(fmt::format("cannot read '{}'", path));
    if (got == 0) break;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
  if (is_fifo && text.empty())
    return want(fmt::format(
        "cannot read '{}': it is a FIFO into which nobody writes; name a regular file", path));
  if (text.size() > bytes_max) {
    return want(fmt::format("'{}' is larger than {} bytes", path, bytes_max));
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
    text.pop_back();
  return text;
}

Result<void> check_label(std::string_view name, std::string_view value) {
  const auto is_of_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > kLabelBytesMax || !std::ranges::all_of(name, is_of_name))
    return client_error(Code::invalid_value,
                        fmt::format("label '{}': want a name of 1 to {} of a-z, 0-9, '.', '_' and "
                                    "'-'",
                                    name.substr(0, kLabelBytesMax), kLabelBytesMax));
  const auto is_control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  if (value.empty() || value.size() > kLabelBytesMax || std::ranges::any_of(value, is_control))
    return client_error(Code::invalid_value,
                        fmt::format("label '{}': want a value of 1 to {} characters on one line",
                                    name, kLabelBytesMax));
  return {};
}

}  // namespace sovmesh::config

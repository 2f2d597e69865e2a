#include "rt/net.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <limits>
#include <system_error>

#include "base/bytes.h"

namespace sovmesh::rt {
namespace {

constexpr std::array<unsigned char, 12> kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::size_t kUnixPathMax = sizeof(sockaddr_un::sun_path) - 1;  // it ends with a NUL

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_u64(text);
  if (!port || *port > std::numeric_limits<std::uint16_t>::max())
    return client_error(Code::invalid_value, "port: want a number from 0 to 65535");
  return static_cast<std::uint16_t>(*port);
}

Result<Endpoint> parse_unix(std::string_view path) {
  const bool fits = path.starts_with('/') && path.size() <= kUnixPathMax && !path.contains('\0') &&
                    !path.ends_with('/');
  if (!fits) {
    return client_error(
        Code::invalid_value,
        "unix socket: want an absolute path of at most 107 bytes, not '" + std::string(path) + "'");
  }
  return UnixEndpoint{std::string(path)};
}

Result<IpAddress> parse_host(std::string_view text) {
  if (text == "*") return IpAddress::v6({});
  if (text.starts_with('[') && text.ends_with(']')) {
    const std::string_view inside = text.substr(1, text.size() - 2);
    if (inside.contains(':')) return IpAddress::parse(inside);
  } else if (!text.contains(':')) {
    return IpAddress::parse(text);
  }
  return client_error(Code::invalid_value, "address: an IPv6 address stands in brackets");
}

bool ends_a_connection(int error_number) {
  return error_number == ECONNRESET || error_number == EPIPE || error_number == ENOTCONN ||
         error_number == ECONNABORTED;
}

bool is_our_fault(int error_number) {
  switch (error_number) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EACCES:
    case EPERM:
    case EADDRINUSE:
    case EADDRNOTAVAIL:
    case EINVAL:
    case EBADF:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const auto refuse = [] {
    return client_error(Code::invalid_value, "address: want an IPv4 or IPv6 address");
  };
  if (text.size() >= INET6_ADDRSTRLEN || text.contains('\0')) return refuse();
  const std::string terminated(text);
  std::array<unsigned char, 4> four{};
  if (inet_pton(AF_INET, terminated.c_str(), four.data()) == 1) return v4(four);
  std::array<unsigned char, 16> sixteen{};
  if (inet_pton(AF_INET6, terminated.c_str(), sixteen.data()) == 1) return v6(sixteen);
  return refuse();
}

IpAddress IpAddress::v4(std::array<unsigned char, 4> bytes) {
  IpAddress address;
  std::ranges::copy(bytes, address.bytes_.begin());
  return address;
}

IpAddress IpAddress::v6(std::array<unsigned char, 16> bytes) {
  IpAddress address;
  address.is_v4_ = std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes.begin());
  const auto from = bytes.begin() + (address.is_v4_ ? kMappedPrefix.size() : 0);
  std::copy(from, bytes.end(), address.bytes_.begin());
  return address;
}

bool IpAddress::is_loopback() const {
  if (is_v4_) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](unsigned char b) { return b == 0; }) &&
         bytes_[15] == 1;
}

std::string IpAddress::text() const {
  if (is_v4_) {  // in each request's log line, so without the C library's formatter
    std::array<char, INET_ADDRSTRLEN> text{};
    char* to = text.data();
    for (std::size_t i = 0; i < 4; ++i) {
      if (i > 0) *to++ = '.';
      to = std::to_chars(to, text.end(), static_cast<unsigned>(bytes_[i])).ptr;
    }
    return {text.data(), to};
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) return parse_unix(text.substr(kUnixPrefix.size()));
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return client_error(Code::invalid_value,
                        "endpoint: want ADDRESS:PORT, [ADDRESS]:PORT, *:PORT or unix:/PATH");
  }
  TRY(const IpAddress ip, parse_host(text.substr(0, colon)));
  TRY(const std::uint16_t port, parse_port(text.substr(colon + 1)));
  return IpEndpoint{.ip = ip, .port = port};
}

std::string to_text(const Endpoint& endpoint) {
  if (const auto* path = std::get_if<UnixEndpoint>(&endpoint))
    return std::string(kUnixPrefix) + path->path;
  const auto& [ip, port] = std::get<IpEndpoint>(endpoint);
  const std::string host = ip.is_v4() ? ip.text() : "[" + ip.text() + "]";
  return host + ":" + std::to_string(port);
}

Task<Result<std::size_t>> read_full(Socket& socket, std::span<char> into, Until until) {
  std::size_t filled = 0;
  while (filled < into.size()) {
    const IoResult got = socket.try_read(into.subspan(filled));
    switch (got.status) {
      case IoResult::Status::ok:
        filled += got.bytes;
        break;
      case IoResult::Status::would_block: {
        const Wake wake = co_await socket.readable().wait(until);
        CO_TRY_VOID(to_result(wake, "read"));
        break;
      }
      case IoResult::Status::eof:
        co_return filled;
      case IoResult::Status::error:
        co_return fail(io_error(got.error, "read"));
    }
  }
  co_return filled;
}

Task<Result<void>> write_all(Socket& socket, std::string_view bytes, Until until) {
  while (!bytes.empty()) {
    // writev(2) only reads through iov_base.
    const iovec piece{const_cast<char*>(bytes.data()), bytes.size()};
    const IoResult put = socket.try_write({&piece, 1});
    switch (put.status) {
      case IoResult::Status::ok:
        bytes.remove_prefix(put.bytes);
        break;
      case IoResult::Status::would_block: {
        const Wake wake = co_await socket.writable().wait(until);
        CO_TRY_VOID(to_result(wake, "write"));
        break;
      }
      case IoResult::Status::eof:
        co_return fail(io_error(EPIPE, "write"));
      case IoResult::Status::error:
        co_return fail(io_error(put.error, "write"));
    }
  }
  co_return Result<void>();
}

Error io_error(int error_number, std::string_view what) {
  std::string text = std::generic_category().message(error_number);
  if (!text.empty()) text = to_lower(text.substr(0, 1)) + text.substr(1);
  const Code code = ends_a_connection(error_number) ? Code::closed : Code::io_error;
  const Blame blame = is_our_fault(error_number) ? Blame::us : Blame::upstream;
  return Error(code, blame, std::string(what) + ": " + text);
}

}  // namespace sovmesh::rt

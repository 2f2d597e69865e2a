#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "rt/net.h"
#include "rt/tls_context.h"

namespace sovmesh::rt {

// TLS over any Socket. OpenSSL reads from and writes to the transport through a BIO of ours, so an
// idle connection holds no bytes of its own, and the transport's events serve as this socket's:
// readable is set again when decrypted bytes are left, and a write blocks only when the transport
// does.
//
// A sealed record cannot be taken back. What the transport did not take of it waits in sealed_, and
// its plain bytes are reported as written only when it is gone: the caller offers them again in
// between (a checksum tells whether it really does) and never believes in bytes that still lie
// here.
class TlsSocket final : public Socket {
 public:
  static constexpr std::size_t kRecordMax = std::size_t{16} * 1024;
  // Bytes waiting in sealed_: one record, or our side of a handshake.
  static constexpr std::size_t kSealedMax = std::size_t{256} * 1024;
  // Until the last bytes and the FIN of shutdown_write() must be gone.
  static constexpr std::chrono::seconds kFinishMax{30};

  // `context` is what `ssl` was made from.
  TlsSocket(std::unique_ptr<Socket> transport, std::shared_ptr<const void> context,
            SslPtr<SSL> ssl);
  TlsSocket(const TlsSocket&) = delete;
  TlsSocket& operator=(const TlsSocket&) = delete;
  ~TlsSocket() override;

  enum class Handshake : std::uint8_t { done, wants_read, wants_write, failed };
  Handshake shake_hands();
  // Why it failed.
  std::string handshake_error() const;

  IoResult try_read(std::span<char> into) override;
  IoResult try_write(std::span<const iovec> pieces) override;
  Event& readable() override { return transport_->readable(); }
  Event& writable() override { return transport_->writable(); }
  Event& hung_up() override { return transport_->hung_up(); }
  void shutdown_write() override;
  void reset_on_close() override { transport_->reset_on_close(); }
  void bound_send_buffer(std::size_t bytes) override { transport_->bound_send_buffer(bytes); }
  bool is_idle_and_open() override;
  std::optional<IpEndpoint> peer() const override { return transport_->peer(); }
  std::optional<IpEndpoint> local() const override { return transport_->local(); }
  std::optional<PeerCredentials> peer_credentials() const override {
    return transport_->peer_credentials();
  }
  std::string_view alpn() const override;
  bool is_tls() const override { return true; }

 private:
  static const BIO_METHOD* bio_method();
  static int bio_read(BIO* bio, char* into, std::size_t size, std::size_t* read);
  static int bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* written);
  static long bio_control(BIO* bio, int command, long, void*);
  IoResult after_failed_read(int result);
  IoResult settle_unreported(std::span<const iovec> pieces);
  IoResult seal(std::span<const iovec> pieces);
  bool flush();
  Task<void> finish_writing();
  IoResult broken(int error);

  std::shared_ptr<const void> context_;
  std::unique_ptr<Socket> transport_;
  SslPtr<SSL> ssl_;
  std::string sealed_;
  std::size_t sealed_sent_ = 0;
  std::size_t unreported_ = 0;  // plain bytes of the record in sealed_
  std::uint32_t unreported_sum_ = 0;
  int error_ = 0;  // errno of what broke the connection
  bool transport_ended_ = false;
  std::string handshake_error_;
  Task<void> finishing_;  // last: it uses the others
};

}  // namespace sovmesh::rt

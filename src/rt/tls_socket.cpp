#include "rt/tls_socket.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "rt/loop.h"

namespace sovmesh::rt {
namespace {

std::size_t total(std::span<const iovec> pieces) {
  std::size_t bytes = 0;
  for (const iovec& piece : pieces)
    bytes += piece.iov_len;
  return bytes;
}

std::string_view text_of(const iovec& piece) {
  return {static_cast<const char*>(piece.iov_base), piece.iov_len};
}

using RecordBuffer = std::array<char, TlsSocket::kRecordMax>;

// At most one record of what is offered, from `skip` on, in one piece: as it lies there when it
// does so already, else put together in `buffer`. (Not in the loop's scratch: the pieces may be
// there.)
std::string_view one_record(std::span<const iovec> pieces, std::size_t skip, RecordBuffer& buffer) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    std::string_view text = text_of(pieces[i]);
    if (skip >= text.size()) {
      skip -= text.size();
      continue;
    }
    text.remove_prefix(std::exchange(skip, 0));
    const bool alone = size == 0 && (text.size() >= buffer.size() || i + 1 == pieces.size());
    if (alone) return text.substr(0, buffer.size());
    const std::size_t part = std::min(text.size(), buffer.size() - size);
    std::memcpy(buffer.data() + size, text.data(), part);
    size += part;
    if (size == buffer.size()) break;
  }
  return {buffer.data(), size};
}

}  // namespace

TlsSocket::TlsSocket(std::unique_ptr<Socket> transport, std::shared_ptr<const void> context,
                     SslPtr<SSL> ssl)
    : context_(std::move(context)), transport_(std::move(transport)), ssl_(std::move(ssl)) {
  BIO* const bio = BIO_new(bio_method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);  // takes it
}

TlsSocket::~TlsSocket() = default;

const BIO_METHOD* TlsSocket::bio_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made =
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of rt");
    BIO_meth_set_read_ex(made, &bio_read);
    BIO_meth_set_write_ex(made, &bio_write);
    BIO_meth_set_ctrl(made, &bio_control);
    return made;
  }();
  return method;
}

int TlsSocket::bio_read(BIO* bio, char* into, std::size_t size, std::size_t* read) {
  auto& self = *static_cast<TlsSocket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  // OpenSSL asks again after each short read; the event knows the answer.
  const IoResult got = self.transport_->readable().is_set()
                           ? self.transport_->try_read({into, size})
                           : IoResult::blocked();
  switch (got.status) {
    case IoResult::Status::ok:
      *read = got.bytes;
      return 1;
    case IoResult::Status::would_block:
      BIO_set_retry_read(bio);
      return 0;
    case IoResult::Status::eof:
      self.transport_ended_ = true;
      return 0;
    case IoResult::Status::error:
      self.error_ = got.error;
      return 0;
  }
  return 0;
}

// Never blocks for OpenSSL: what the transport does not take now waits in sealed_.
int TlsSocket::bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* written) {
  auto& self = *static_cast<TlsSocket*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.error_ != 0 || self.sealed_.size() + size > kSealedMax) return 0;
  std::size_t sent = 0;
  if (self.flush() && self.transport_->writable().is_set()) {
    const iovec piece{const_cast<char*>(from), size};  // only read
    const IoResult put = self.transport_->try_write({&piece, 1});
    if (put.status == IoResult::Status::error) {
      self.error_ = put.error;
      return 0;
    }
    sent = put.bytes;
  }
  if (self.error_ != 0) return 0;
  self.sealed_.append(from + sent, size - sent);
  *written = size;
  return 1;
}

long TlsSocket::bio_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF)
    return static_cast<TlsSocket*>(BIO_get_data(bio))->transport_ended_ ? 1 : 0;
  return 0;
}

TlsSocket::Handshake TlsSocket::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (error_ != 0) return Handshake::failed;
  if (result == 1) {
    // The peer's first bytes may have come with the handshake's last ones.
    if (SSL_has_pending(ssl_.get()) == 1) transport_->readable().set();
    return flush() ? Handshake::done : Handshake::wants_write;
  }
  if (SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ)
    return flush() ? Handshake::wants_read : Handshake::wants_write;
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK)
    handshake_error_ = std::string("certificate: ") + X509_verify_cert_error_string(verified);
  else
    handshake_error_ = transport_ended_ ? "the peer closed the connection" : take_ssl_reason();
  ERR_clear_error();
  flush();  // the alert
  return Handshake::failed;
}

std::string TlsSocket::handshake_error() const {
  return handshake_error_.empty() ? io_error(error_, "connection").message() : handshake_error_;
}

IoResult TlsSocket::try_read(std::span<char> into) {
  if (error_ != 0) return IoResult::failed(error_);
  flush();
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  if (result != 1) return after_failed_read(result);
  if (SSL_has_pending(ssl_.get()) == 1) transport_->readable().set();
  return IoResult::done(bytes);
}

IoResult TlsSocket::after_failed_read(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      SSL_free_buffers(ssl_.get());  // a session ticket leaves one behind in spite of the mode
      return IoResult::blocked();
    case SSL_ERROR_ZERO_RETURN:  // close_notify: the end, said by the peer itself
      transport_->hung_up().set();
      transport_->readable().set();
      return IoResult::end();
    default:
      // An end without close_notify too: somebody else may have cut the connection.
      return broken(error_ != 0 ? error_ : ECONNRESET);
  }
}

IoResult TlsSocket::try_write(std::span<const iovec> pieces) {
  if (error_ != 0) return IoResult::failed(error_);
  if (!flush()) return error_ != 0 ? IoResult::failed(error_) : IoResult::blocked();
  return unreported_ > 0 ? settle_unreported(pieces) : seal(pieces);
}

IoResult TlsSocket::settle_unreported(std::span<const iovec> pieces) {
  RecordBuffer buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled as needed
  const std::string_view again = one_record(pieces, 0, buffer).substr(0, unreported_);
  if (again.size() < unreported_ || crc32(again) != unreported_sum_) return broken(EPROTO);
  return IoResult::done(std::exchange(unreported_, 0));
}

IoResult TlsSocket::seal(std::span<const iovec> pieces) {
  RecordBuffer buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled as needed
  const std::size_t offered = total(pieces);
  std::size_t taken = 0;
  while (taken < offered) {
    const std::string_view record = one_record(pieces, taken, buffer);
    ERR_clear_error();
    std::size_t bytes = 0;
    if (SSL_write_ex(ssl_.get(), record.data(), record.size(), &bytes) != 1)
      return broken(error_ != 0 ? error_ : EPIPE);
    if (!sealed_.empty()) {
      unreported_ = bytes;
      unreported_sum_ = crc32(record.substr(0, bytes));
      return taken > 0 ? IoResult::done(taken) : IoResult::blocked();
    }
    taken += bytes;
  }
  return IoResult::done(taken);
}

// Whether nothing sealed is left here.
bool TlsSocket::flush() {
  while (!sealed_.empty()) {
    if (!transport_->writable().is_set()) return false;
    const iovec piece{sealed_.data() + sealed_sent_, sealed_.size() - sealed_sent_};
    const IoResult put = transport_->try_write({&piece, 1});
    if (put.status == IoResult::Status::would_block) return false;
    if (put.status != IoResult::Status::ok) {
      broken(put.error);
      return false;
    }
    sealed_sent_ += put.bytes;
    if (sealed_sent_ < sealed_.size()) continue;
    release(sealed_);  // with its memory
    sealed_sent_ = 0;
  }
  return true;
}

void TlsSocket::shutdown_write() {
  ERR_clear_error();
  if (error_ == 0) SSL_shutdown(ssl_.get());  // its close_notify goes behind what is sealed
  ERR_clear_error();
  if (flush() || error_ != 0) return transport_->shutdown_write();
  finishing_ = finish_writing();
  finishing_.start();
}

Task<void> TlsSocket::finish_writing() {
  const Until until{writable().loop().in(kFinishMax), nullptr};
  while (!flush() && error_ == 0)
    if (co_await writable().wait(until) != Wake::ready) break;
  transport_->shutdown_write();
}

bool TlsSocket::is_idle_and_open() {
  if (error_ != 0 || transport_ended_ || hung_up().is_set()) return false;
  if (!readable().is_set()) return transport_->is_idle_and_open();
  // Session tickets are no answer to anything: only plain bytes count.
  ERR_clear_error();
  char byte = 0;
  std::size_t bytes = 0;
  const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &bytes);
  return result != 1 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
}

std::string_view TlsSocket::alpn() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

IoResult TlsSocket::broken(int error) {
  error_ = error;
  transport_->hung_up().set();
  transport_->readable().set();
  transport_->writable().set();
  return IoResult::failed(error);
}

}  // namespace sovmesh::rt

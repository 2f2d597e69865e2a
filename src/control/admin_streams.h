#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "control/admin_feed.h"
#include "http/exchange.h"
#include "rt/blocking.h"
#include "rt/event.h"
#include "rt/task.h"

namespace sovmesh::control {

// The open streams of the admin API: at most so many, each for a while. One ends when its reader
// may no longer have it (asked anew every kProveEvery), is gone or does not read, after kLifeMax,
// and when the server drains; but for those who are gone it says so in an `end` event. One worker.
class AdminStreams {
 public:
  static constexpr std::size_t kStreamsMax = 64;
  static constexpr std::size_t kOfOneMax = 8;  // of one user
  static constexpr std::chrono::minutes kLifeMax{60};
  static constexpr std::chrono::seconds kProveEvery{4};
  static constexpr std::chrono::seconds kCommentEvery{15};
  static constexpr std::chrono::seconds kStallMax{15};  // takes nothing this long: dropped
  // A stream says some hundred bytes in a second: what the kernel would take by itself could hold
  // all of its life, and nobody would see that its reader does not read.
  static constexpr std::size_t kSendBuffer = std::size_t{64} << 10;

  AdminStreams(rt::Loop& loop, rt::BlockingPool& pool) : pool_(pool), ending_(loop) {}
  AdminStreams(const AdminStreams&) = delete;
  AdminStreams& operator=(const AdminStreams&) = delete;

  // Whether the request asks for a stream.
  static bool wants(const http::RequestHead& head);

  struct Stats {
    std::array<std::size_t, 2> open{};  // by AdminFeed::Kind
    std::uint64_t refused = 0;          // there were too many
    std::uint64_t dropped = 0;          // their readers did not read
  };
  Stats stats() const { return stats_; }

  // A stream's place among those that may be open; gives itself back.
  class Place {
   public:
    Place(AdminStreams& streams, AdminFeed::Kind kind, std::string credential);
    Place(Place&& other) noexcept
        : streams_(std::exchange(other.streams_, nullptr)),
          kind_(other.kind_),
          credential_(std::move(other.credential_)) {}
    Place& operator=(Place&&) = delete;
    ~Place();

   private:
    AdminStreams* streams_;
    AdminFeed::Kind kind_;
    std::string credential_;
  };
  // Code::concurrency_limit_exceeded, or Code::overloaded while the server stops.
  Result<Place> take(AdminFeed::Kind kind, const std::string& credential);

  // Makes the feed again for whoever the credential stands for now; an error ends the stream.
  // Blocks.
  using Prove = std::function<Result<AdminFeed>()>;
  rt::Task<void> run(http::Exchange& exchange, Place place, AdminFeed feed, Prove prove);

  // The server drains: all end, and no more begin.
  void end_all() { ending_.set(); }

 private:
  rt::Task<std::string_view> tell(http::Exchange& exchange, AdminFeed feed, Prove prove);

  rt::BlockingPool& pool_;
  rt::Event ending_;
  std::map<std::string, std::size_t> by_credential_;
  Stats stats_;
};

}  // namespace sovmesh::control

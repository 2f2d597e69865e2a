#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "http/client.h"
#include "http/http1_head.h"
#include "rt/loop.h"
#include "rt/timer_wheel.h"

namespace sovmesh::http {

// Internal to the module: what the calls of one pool share. A call keeps it alive.
struct ClientPool::Impl {
  Impl(rt::Loop& l, rt::Network& n, rt::Resolver& r, ClientLimits lim);
  ~Impl();

  // A kept connection that still looks alive, or none.
  std::unique_ptr<rt::Socket> take(const Origin& origin);
  void put(const Origin& origin, std::unique_ptr<rt::Socket> socket);
  rt::Task<Result<std::unique_ptr<rt::Socket>>> connect(const Origin& origin,
                                                        std::chrono::milliseconds longest,
                                                        rt::Until until);
  void close_idle();

  // Memory that a call needs and the next one can use again.
  struct Buffers {
    HeadReader reader{HeadReader::Kind::response};
    std::string request;  // kept until the answer begins, for a second connection
    std::string pending;  // body bytes that came with the head
    Fields fields;        // of the head
    ParsedResponse parsed{.status = 0, .fields = &fields, .content_length = {}, .framing = {}};
  };
  static constexpr std::size_t kSpareMax = 128;
  std::unique_ptr<Buffers> take_buffers();
  void give_back(std::unique_ptr<Buffers> buffers);

  rt::Loop& loop;
  rt::Network& network;
  rt::Resolver& resolver;
  ClientLimits limits;
  std::size_t idle_count = 0;

 private:
  struct Idle {
    std::unique_ptr<rt::Socket> socket;
    Instant expires;
  };
  // Origins are few; an entry goes with its last connection.
  using Key = std::tuple<std::string, std::string, std::uint16_t, const rt::TlsClientContext*>;
  using KeyView = std::tuple<const std::string&, const std::string&, std::uint16_t,
                             const rt::TlsClientContext*>;
  static KeyView key_of(const Origin& origin) {
    return {origin.unix_path, origin.host, origin.port, origin.tls.get()};
  }
  struct Less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return a < b;
    }
  };
  using IdleMap = std::map<Key, std::vector<Idle>, Less>;

  struct Sweep : rt::Timer {
    explicit Sweep(Impl& p) : Timer(&fired), pool(p) {}
    static void fired(Timer& timer) { static_cast<Sweep&>(timer).pool.sweep(); }
    Impl& pool;
  };
  void sweep();
  rt::Task<Result<std::unique_ptr<rt::Socket>>> connect_transport(const Origin& origin,
                                                                  rt::Until until);

  IdleMap idle_;  // per origin, oldest first
  std::vector<std::unique_ptr<Buffers>> spare_;
  Sweep sweep_{*this};
};

}  // namespace sovmesh::http

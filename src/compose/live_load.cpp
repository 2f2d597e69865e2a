#include "compose/live_load.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include "compose/chat_client.h"
#include "http/url.h"
#include "rt/real.h"
#include "rt/task_group.h"
#include "sim/des/random.h"

namespace sovmesh::compose {
namespace {

constexpr std::chrono::minutes kRequestMax{10};

// So many words that follow from `seed`, each with a space before it but for the first of all.
void add_words(std::string& text, std::uint64_t seed, std::int64_t count) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz012345";
  des::SeededRandom random(seed);
  for (std::int64_t i = 0; i < count; ++i) {
    if (!text.empty()) text += ' ';
    const std::uint64_t bits = random.bits();
    for (unsigned letter = 0; letter < 4; ++letter)
      text += kLetters[(bits >> (5 * letter)) & 31U];
  }
}

class Player {
 public:
  Player(const des::Workload& workload, const LiveTarget& target, http::Origin origin,
         const Clock& clock, rt::RealWorker& worker)
      : workload_(workload),
        target_(target),
        origin_(std::move(origin)),
        clock_(clock),
        loop_(*worker.loop),
        pool_(loop_, *worker.network, *worker.resolver, {}),
        requests_(loop_, workload.arrivals.size()),
        records_(workload.arrivals.size()) {}

  rt::Task<void> play() {
    // A moment for the first one, too: it is a little late like all the others.
    began_ = clock_.now() + std::chrono::milliseconds(100);
    for (std::size_t i = 0; i < records_.size(); ++i) {
      const rt::Until until{rt::Deadline::at(due(i)), nullptr};
      co_await rt::sleep(loop_, until);
      requests_.spawn(request(i));
    }
    const rt::Until until{rt::Deadline::never(), nullptr};  // each has a deadline
    co_await requests_.join(until);
    pool_.close_idle();
    loop_.stop();
  }
  std::vector<des::Record> take() { return std::move(records_); }

 private:
  Instant due(std::size_t number) const { return began_ + workload_.arrivals[number].at; }

  rt::Task<void> request(std::size_t number) {
    des::Record& record = records_[number];
    const auto since_due = [this, number] {
      return std::chrono::duration<float>(clock_.now() - due(number)).count();
    };
    const std::string text = live_prompt(workload_, number);
    const Question question{.model = target_.models[number % target_.models.size()],
                            .text = text,
                            .max_tokens = workload_.arrivals[number].output_tokens,
                            .stream = true};
    record.wait = since_due();
    const auto note = [&record, since_due](std::string_view piece) {
      if (piece.empty()) return;  // its role
      if (record.first < 0) record.first = since_due();
      record.last = since_due();
      ++record.output;
    };
    const rt::Until until{rt::Deadline::at(due(number) + kRequestMax), nullptr};
    const auto answer = co_await ask(pool_, origin_, target_.key, question, note, until);
    record.failed = !answer;
  }

  const des::Workload& workload_;
  const LiveTarget& target_;
  http::Origin origin_;
  const Clock& clock_;
  rt::Loop& loop_;
  http::ClientPool pool_;
  rt::TaskGroup requests_;
  std::vector<des::Record> records_;
  Instant began_{};
};

rt::Task<void> play(Player* player) { co_await player->play(); }

}  // namespace

Result<http::Origin> origin_of(const std::string& url) {
  TRY(const http::Url parsed, http::parse_url(url, "/v1"));
  if (parsed.is_tls || parsed.path != "/v1")
    return client_error(Code::invalid_value, "want the gateway as http://HOST:PORT or unix:/PATH");
  http::Origin origin;
  origin.host = parsed.unix_path.empty() ? parsed.host : "localhost";
  origin.port = parsed.port;
  origin.unix_path = parsed.unix_path;
  return origin;
}

std::string live_prompt(const des::Workload& workload, std::size_t number) {
  const des::Arrival& arrival = workload.arrivals[number];
  std::string text;
  std::int64_t left = std::max<std::int64_t>(1, std::int64_t{arrival.input_tokens} - 1);
  for (const des::BlockKey key : workload.prompt_chain(arrival)) {
    const std::int64_t words = std::min(left, workload.block_tokens);
    add_words(text, key, words);
    left -= words;
  }
  add_words(text, des::SeededRandom::mix(number), left);
  return text;
}

Result<std::vector<des::Record>> play_live(const des::Workload& workload,
                                           const LiveTarget& target) {
  if (workload.arrivals.size() > kLiveRequestsMax)
    return client_error(Code::invalid_value,
                        "so many requests at once are too many for one client: at most " +
                            std::to_string(kLiveRequestsMax));
  TRY(http::Origin origin, origin_of(target.url));
  const auto clock = rt::make_system_clock();
  const auto random = rt::make_system_random();
  TRY(rt::RealWorker worker, rt::make_worker(*clock, *random));
  Player player(workload, target, std::move(origin), *clock, worker);
  rt::TaskGroup tasks(*worker.loop, 1);
  tasks.spawn(play(&player));
  rt::run(worker);
  return player.take();
}

}  // namespace sovmesh::compose

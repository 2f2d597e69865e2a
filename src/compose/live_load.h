#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "http/client.h"
#include "sim/des/metrics.h"
#include "sim/des/workload.h"

namespace sovmesh::compose {

// Where a workload is played in real time.
struct LiveTarget {
  std::string url;                  // of the gateway: http://HOST:PORT or unix:/PATH
  Secret key;                       // of one tenant, who asks for all
  std::vector<std::string> models;  // asked in turn
};
// Every request is a coroutine of one thread.
constexpr std::size_t kLiveRequestsMax = 50'000;

// Of a gateway, as http://HOST:PORT or unix:/PATH.
Result<http::Origin> origin_of(const std::string& url);

// The prompt of one request: a word is a token of engine-sim's, equal keys of blocks are equal
// words. One word less than the request has tokens: the role is one, too.
std::string live_prompt(const des::Workload& workload, std::size_t number);

// Sends each request when its time has come, whatever became of those before, and notes when its
// tokens came. Takes as long as the workload.
Result<std::vector<des::Record>> play_live(const des::Workload& workload, const LiveTarget& target);

}  // namespace sovmesh::compose

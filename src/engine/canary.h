#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/engine.h"
#include "http/client.h"
#include "rt/event.h"
#include "rt/task.h"

namespace sovmesh::engine {

// Makes an engine generate one token: a health page says that a process lives, not that its
// accelerator still answers. `chat`: by the chat API, else by that of completions. An error: it did
// not answer 200 with JSON in time.
rt::Task<Result<void>> generate_one(http::ClientPool& pool, const Engine& engine,
                                    std::string_view engine_model, bool chat, rt::Until until);

}  // namespace sovmesh::engine

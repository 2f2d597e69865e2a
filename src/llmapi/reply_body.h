#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "llmapi/reply.h"

namespace sovmesh::llmapi {

// {"id":…,"object":…,"created":…,"model":…,"choices":[
void append_reply_head(std::string& out, const ReplyIdentity& identity, std::string_view object);

// The JSON value of a finish_reason, "null" for none.
std::string_view finish_text(FinishReason reason, bool function_call);

std::unexpected<Error> invalid_reply(std::string_view reason);

// An error that an engine reports inside an answer with status 200, with the status it meant.
Error error_in_reply(std::string_view json);

}  // namespace sovmesh::llmapi

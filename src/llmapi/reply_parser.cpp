#include "llmapi/reply_parser.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::llmapi {
namespace {

constexpr std::size_t kKeptMax = 256U << 10U;  // bytes of a buffer kept for the next text

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

ReplyParser& ReplyParser::of_this_thread() {
  static thread_local ReplyParser parser;
  return parser;
}

std::string_view ReplyParser::decoded(const ReplyText& text) {
  if (!text.escaped) return text.json;
  if (decoded_.size() < text.json.size()) decoded_.resize(text.json.size());
  return std::string_view(decoded_).substr(0, decode_into(decoded_.data(), text.json));
}

bool ReplyParser::parse(std::string_view data, bool padded, Form form) {
  form_ = form;
  reset(data.size());
  if (!padded) {
    input_.assign(data);
    input_.append(JsonReader::kPadding, '\0');
    data = std::string_view(input_).substr(0, data.size());
  }
  if (!json_.start(data, out_.get(), JsonReader::Surrogates::replace) || !top() ||
      !json_.finish()) {
    return bad(json_.fault() == JsonFault::invalid_utf8 ? "it is not UTF-8" : "it is not JSON");
  }
  if (is_error_) return true;
  if (form_ == Form::embeddings) return has_data_ || bad("it has no data");
  return has_choices_ || bad("it has no choices");
}

bool ReplyParser::parse_event(std::string_view data, bool padded, EventShape& shape) {
  EventShape::Found found;
  if (shape.match(data, found)) {
    take(shape, found);
    return true;
  }
  shape.begin();
  recorder_ = &shape;
  const bool good = parse(data, padded, Form::event);
  recorder_ = nullptr;
  if (good) {
    shape.learn(data, *this);
  } else {
    shape.forget();
  }
  return good;
}

void ReplyParser::take(const EventShape& shape, const EventShape::Found& found) {
  clear();
  usage_ = shape.usage();
  timings_ = shape.timings();
  progress_ = shape.progress();
  shape.put_counts(found);
  ReplyChoice& choice = choices_.emplace_back(shape.choice());
  choice.members = found.members;
  choice.text = found.quoted;
  texts_.push_back(
      {.kind = shape.text_kind(), .tool = 0, .json = found.text, .escaped = found.escaped});
}

void ReplyParser::clear() {
  reason_ = {};
  is_error_ = has_choices_ = has_data_ = false;
  choices_.clear();
  texts_.clear();
  tools_.clear();
  members_.clear();
  embeddings_.clear();
}

void ReplyParser::reset(std::size_t size) {
  clear();
  usage_ = {};
  timings_ = {};
  progress_ = {};
  const std::size_t needed = size + JsonReader::kSlack;
  if (out_size_ > kKeptMax) {  // one huge event should not hold its memory for good
    out_size_ = 0;
    release(input_);
    release(decoded_);
  }
  if (needed > out_size_) {
    out_size_ = std::max(needed, 2 * out_size_);
    out_ = std::make_unique_for_overwrite<char[]>(out_size_);
  }
}

bool ReplyParser::bad(std::string_view reason) {
  if (reason_.empty()) reason_ = reason;
  return false;
}

template <class Read>
bool ReplyParser::object(Read&& read) {
  if (json_.kind() != JsonKind::object) return bad("a member has the wrong type");
  if (!json_.open_object()) return false;
  for (;;) {
    std::string_view key;
    const Step step = json_.next_member(key);
    if (step != Step::more) return step == Step::end;
    if (!read(key)) return false;
  }
}

template <class Read>
bool ReplyParser::array(std::size_t count_max, Read&& read) {
  if (json_.kind() != JsonKind::array) return bad("a member has the wrong type");
  if (!json_.open_array()) return false;
  for (std::size_t i = 0;; ++i) {
    const Step step = json_.next_element();
    if (step != Step::more) return step == Step::end;
    if (i == count_max) return bad("an array is too long");
    if (!read(i)) return false;
  }
}

bool ReplyParser::top() {
  return object([this](std::string_view key) {
    char* const mark = json_.mark();
    bool keep = false;
    bool good = false;
    if (key == "choices" && form_ != Form::embeddings) {
      has_choices_ = keep = true;
      good = array(kChoicesMax, [this](std::size_t) { return choice(); });
    } else if (key == "data" && form_ == Form::embeddings) {
      constexpr std::size_t rows_max = 4096;
      has_data_ = keep = true;
      good = array(rows_max, [this](std::size_t position) { return embedding(position); });
    } else if (key == "usage") {
      good = is_null() || usage();
    } else if (key == "timings") {
      good = is_null() || timings();
    } else if (key == "prompt_progress") {
      good = is_null() || progress();
    } else if (key == "error") {
      is_error_ = is_error_ || json_.kind() != JsonKind::null;
      good = json_.value();
    } else if (key == "object" && json_.kind() == JsonKind::string) {
      good = json_.string();
      is_error_ = is_error_ || (good && json_.string_json() == "error");
    } else {
      good = skip();
    }
    if (!keep) json_.rewind(mark);
    return good;
  });
}

bool ReplyParser::skip() {
  char* const mark = json_.mark();
  const bool is_number = json_.kind() == JsonKind::number;
  const std::size_t begin = json_.offset();
  if (!json_.value()) return false;
  if (is_number) note(EventShape::Kind::number, begin, json_.offset(), nullptr);
  json_.rewind(mark);
  return true;
}

// A token at [begin, end) of the event, which the next event may have in its place.
void ReplyParser::note(EventShape::Kind kind, std::size_t begin, std::size_t end,
                       std::int64_t* target) {
  if (recorder_ != nullptr) recorder_->note(kind, begin, end - begin, target);
}

bool ReplyParser::is_null() { return json_.kind() == JsonKind::null && skip(); }

bool ReplyParser::count(std::int64_t& value) {
  if (is_null()) return true;
  if (json_.kind() != JsonKind::number) return bad("a count is not a number");
  if (!json_.number()) return false;
  const auto parsed = json_.number_is_integer() ? to_integer(json_.number_text()) : std::nullopt;
  if (!parsed || *parsed < 0 || *parsed > kCountMax) return bad("a count is out of range");
  value = *parsed;
  return true;
}

bool ReplyParser::changing_count(std::int64_t& value) {
  const bool is_number = json_.kind() == JsonKind::number;
  const std::size_t begin = json_.offset();
  if (!count(value)) return false;
  if (is_number) note(EventShape::Kind::count, begin, json_.offset(), &value);
  return true;
}

// A string that counts as generated text.
bool ReplyParser::text_value(ReplyChoice& choice, TextKind kind, std::size_t tool) {
  if (json_.kind() != JsonKind::string) return bad("a text is not a string");
  const std::size_t begin = json_.offset() + 1;
  if (!json_.string()) return false;
  const std::string_view json = json_.string_json();
  if (json.empty()) return true;
  note(EventShape::Kind::text, begin, json_.offset() - 1, nullptr);
  choice.bears_text = true;
  texts_.push_back(
      {.kind = kind, .tool = tool, .json = json, .escaped = json_.string_has_escapes()});
  return true;
}

bool ReplyParser::choice() {
  ReplyChoice choice;
  choice.texts.begin = texts_.size();
  choice.tools.begin = tools_.size();
  if (!object([&](std::string_view key) { return choice_member(choice, key); })) return false;
  choice.texts.end = texts_.size();
  choice.tools.end = tools_.size();
  choices_.push_back(choice);
  return true;
}

bool ReplyParser::choice_member(ReplyChoice& choice, std::string_view key) {
  if (key == "index") {
    std::int64_t index = 0;
    if (!count(index)) return false;
    if (index >= static_cast<std::int64_t>(kChoicesMax)) return bad("an index is out of range");
    choice.index = static_cast<std::size_t>(index);
    return true;
  }
  if (key == (form_ == Form::event ? "delta" : "message")) return message(choice);
  if (key == "text") {
    if (is_null()) return true;
    const char* const begin = json_.mark();
    if (!text_value(choice, TextKind::content, 0)) return false;
    choice.text = between(begin, json_.mark());
    return true;
  }
  if (key == "finish_reason") return is_null() || finish_reason(choice);
  if (key == "logprobs") return is_null() || logprobs(choice);
  return skip();
}

bool ReplyParser::finish_reason(ReplyChoice& choice) {
  if (json_.kind() != JsonKind::string) return bad("a finish_reason is not a string");
  if (!json_.string()) return false;
  const std::string_view reason = json_.string_json();
  if (reason.empty()) return true;  // TGI's way to say null
  if (reason == "abort" || reason == "error") return bad("the engine gave up on it");
  choice.function_call_finish = reason == "function_call";
  if (reason == "length") {
    choice.finish = FinishReason::length;
  } else if (reason == "tool_calls" || choice.function_call_finish) {
    choice.finish = FinishReason::tool_calls;
  } else if (reason == "content_filter") {
    choice.finish = FinishReason::content_filter;
  } else {
    choice.finish = FinishReason::stop;  // engines have more names for it
  }
  return true;
}

bool ReplyParser::logprobs(ReplyChoice& choice) {
  const char* const begin = json_.mark();
  choice.logprob_members.begin = members_.size();
  const bool read = object([&](std::string_view key) {
    const char* const value = json_.mark();
    const char* const name = value - 1 - key.size() - 2;  // "key":
    if (!json_.value()) return false;
    members_.push_back({.name = between(name, value - 1), .value = between(value, json_.mark())});
    return true;
  });
  if (!read) return false;
  choice.logprob_members.end = members_.size();
  choice.logprobs = between(begin, json_.mark());
  return true;
}

bool ReplyParser::message(ReplyChoice& choice) {
  if (json_.kind() != JsonKind::object) return bad("a delta or message is not an object");
  const char* const begin = json_.mark();
  choice.others.begin = members_.size();
  if (!json_.open_object()) return false;
  for (;;) {
    char* const mark = json_.mark();
    std::string_view key;
    const Step step = json_.next_member(key);
    if (step == Step::fault) return false;
    if (step == Step::end) break;
    bool keep = true;
    if (!message_member(choice, key, keep)) return false;
    if (!keep) json_.rewind(mark);
  }
  choice.others.end = members_.size();
  choice.members = between(begin + 1, json_.mark() - 1);
  return true;
}

bool ReplyParser::message_member(ReplyChoice& choice, std::string_view key, bool& keep) {
  if (key == "role") {
    keep = false;  // we say it ourselves, once
    choice.has_role = true;
    return json_.value();
  }
  const bool null = json_.kind() == JsonKind::null;
  if (key == "content") {
    choice.has_content = keep = !null || form_ == Form::answer;
    return null ? json_.literal() : text_value(choice, TextKind::content, 0);
  }
  if (null) {
    keep = false;
    return json_.literal();
  }
  if (key == "reasoning_content" || key == "reasoning") {
    return text_value(choice, TextKind::reasoning, 0);
  }
  if (key == "refusal") {
    choice.has_refusal = true;
    return text_value(choice, TextKind::refusal, 0);
  }
  if (key == "tool_calls") {
    const std::size_t before = tools_.size();
    if (!tool_calls(choice)) return false;
    keep = tools_.size() > before;
    return true;
  }
  const char* const value = json_.mark();
  const char* const name = value - 1 - key.size() - 2;
  if (!json_.value()) return false;
  members_.push_back({.name = between(name, value - 1), .value = between(value, json_.mark())});
  return true;
}

bool ReplyParser::tool_calls(ReplyChoice& choice) {
  return array(kToolsMax, [&](std::size_t position) { return tool_call(choice, position); });
}

bool ReplyParser::tool_call(ReplyChoice& choice, std::size_t position) {
  ReplyTool tool{.index = position};
  std::size_t first_text = texts_.size();
  if (json_.kind() != JsonKind::object) return bad("a tool call is not an object");
  if (!json_.open_object()) return false;
  for (;;) {
    char* const mark = json_.mark();
    std::string_view key;
    const Step step = json_.next_member(key);
    if (step == Step::fault) return false;
    if (step == Step::end) break;
    bool keep = true;
    if (!tool_call_member(choice, tool, key, keep)) return false;
    if (!keep) json_.rewind(mark);
  }
  for (; first_text < texts_.size(); ++first_text)
    texts_[first_text].tool = tool.index;  // the index may have come last
  tools_.push_back(tool);
  return true;
}

bool ReplyParser::tool_call_member(ReplyChoice& choice, ReplyTool& tool, std::string_view key,
                                   bool& keep) {
  if (key == "index") {
    std::int64_t index = 0;
    keep = form_ == Form::event;
    if (!count(index)) return false;
    if (index >= static_cast<std::int64_t>(kToolsMax)) return bad("an index is out of range");
    tool.index = static_cast<std::size_t>(index);
    return true;
  }
  if (json_.kind() == JsonKind::null) {
    keep = false;
    return json_.literal();
  }
  if (key == "id") {
    if (json_.kind() != JsonKind::string) return bad("a tool call's id is not a string");
    if (!json_.string()) return false;
    tool.id = json_.string_json();
    return true;
  }
  return key == "function" ? function(choice, tool) : json_.value();
}

bool ReplyParser::function(ReplyChoice& choice, ReplyTool& tool) {
  return object([&](std::string_view key) {
    if (key == "name" && json_.kind() == JsonKind::string) {
      if (!text_value(choice, TextKind::tool_name, tool.index)) return false;
      tool.name = json_.string_json();
      return true;
    }
    if (key == "arguments" && json_.kind() != JsonKind::null) {
      if (!text_value(choice, TextKind::tool_arguments, tool.index)) return false;
      tool.arguments = json_.string_json();
      return true;
    }
    return json_.value();
  });
}

bool ReplyParser::usage() {
  usage_.present = true;
  return object([this](std::string_view key) {
    if (key == "prompt_tokens") return changing_count(usage_.prompt);
    if (key == "completion_tokens") return changing_count(usage_.generated);
    if (key == "prompt_tokens_details" && json_.kind() == JsonKind::object) {
      return object([this](std::string_view inner) {
        return inner == "cached_tokens" ? changing_count(usage_.cached) : skip();
      });
    }
    if (key == "completion_tokens_details" && json_.kind() == JsonKind::object) {
      return object([this](std::string_view inner) {
        return inner == "reasoning_tokens" ? changing_count(usage_.reasoning) : skip();
      });
    }
    return skip();
  });
}

bool ReplyParser::timings() {
  timings_.present = true;
  return object([this](std::string_view key) {
    if (key == "cache_n") return changing_count(timings_.cached);
    if (key == "prompt_n") return changing_count(timings_.prompt);
    if (key == "predicted_n") return changing_count(timings_.predicted);
    return skip();
  });
}

bool ReplyParser::progress() {
  progress_.present = true;
  return object([this](std::string_view key) {
    if (key == "cache") return changing_count(progress_.cached);
    if (key == "processed") return changing_count(progress_.processed);
    if (key == "total") return changing_count(progress_.total);
    return skip();
  });
}

bool ReplyParser::embedding(std::size_t position) {
  ReplyEmbedding row{.index = position, .values = {}};
  const bool read = object([&](std::string_view key) {
    if (key == "index") {
      std::int64_t index = 0;
      if (!count(index)) return false;
      row.index = static_cast<std::size_t>(index);
      return true;
    }
    if (key != "embedding") return skip();
    constexpr std::size_t dimensions_max = 1U << 20U;
    const char* const begin = json_.mark();
    const bool numbers = array(dimensions_max, [this](std::size_t) {
      return json_.kind() == JsonKind::number ? json_.number()
                                              : bad("an embedding has something but numbers");
    });
    row.values = between(begin, json_.mark());
    return numbers;
  });
  if (!read) return false;
  if (row.values.size() < 3) return bad("an embedding is empty");
  embeddings_.push_back(row);
  return true;
}

}  // namespace sovmesh::llmapi

// Wire formats and canonical forms, byte by byte: the files under tests/golden/llmapi. With
// SM_UPDATE_GOLDEN=1 in the environment the expected files are written instead of compared.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "llmapi/padded_test_support.h"
#include "llmapi/reply.h"
#include "tests/support/result_matchers.h"

namespace sovmesh::llmapi {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

bool updating() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread.
  return std::getenv("SM_UPDATE_GOLDEN") != nullptr;
}

std::vector<fs::path> inputs(const char* folder) {
  std::vector<fs::path> found;
  const fs::path root = fs::path(SM_SOURCE_DIR) / "tests/golden/llmapi" / folder;
  for (const auto& entry : fs::directory_iterator(root)) {
    if (entry.path().extension() == ".in") found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

void expect_file(fs::path path, const char* extension, const std::string& text) {
  path.replace_extension(extension);
  if (updating()) std::ofstream(path, std::ios::binary) << text;
  EXPECT_EQ(read_file(path), text) << path;
}

// The first line of an input, ": dialect=vllm operation=chat usage=1 n=2 base64=1 inputs=2".
struct Scenario {
  Dialect dialect = Dialect::llama_cpp;
  Request request;
  std::string_view rest;
};

Scenario scenario_of(std::string_view text) {
  Scenario scenario;
  const std::size_t line = text.find('\n');
  std::istringstream words{std::string(text.substr(0, line))};
  std::map<std::string, std::string> options;
  for (std::string word; words >> word;)
    options[word.substr(0, word.find('='))] = word.substr(word.find('=') + 1);
  scenario.dialect = parse_dialect(options["dialect"]).value_or(Dialect::openai);
  if (options["operation"] == "completion") scenario.request.operation = Operation::completion;
  if (options["operation"] == "embeddings") scenario.request.operation = Operation::embeddings;
  scenario.request.include_usage = options["usage"] == "1";
  scenario.request.base64_embeddings = options["base64"] == "1";
  if (options.contains("n")) scenario.request.choices = std::stoi(options["n"]);
  if (options.contains("inputs")) scenario.request.inputs = std::stoul(options["inputs"]);
  scenario.rest = text.substr(line + 1);
  return scenario;
}

// The texts a digest is taken over, one line per choice, with what is not printable in octal.
class Texts : public TextSink {
 public:
  void text(std::size_t choice, std::string_view piece) override { all_[choice] += piece; }
  std::string lines() const {
    std::string out;
    for (const auto& [choice, text] : all_) {
      out += std::to_string(choice) + ": ";
      for (const char c : text) {
        if (c == '\n') {
          out += "\\n";
        } else if (c == '\xff') {
          out += "\\377";
        } else {
          out += c;
        }
      }
      out += '\n';
    }
    return out;
  }

 private:
  std::map<std::size_t, std::string> all_;
};

const ReplyIdentity kIdentity{
    .id = "chatcmpl-00000000000000000000000000000001", .public_model = "public", .created = 1};

std::vector<std::string> events_of(std::string_view stream) {
  std::vector<std::string> events;
  std::istringstream lines{std::string(stream)};
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("data: ")) events.push_back(line.substr(6));
  }
  return events;
}

std::string line_of(const TokenCounts& counts) {
  std::ostringstream out;
  out << "prompt " << counts.prompt << " cached " << counts.cached << " generated "
      << counts.generated << " reasoning " << counts.reasoning << " live " << counts.live_generated
      << " source " << static_cast<int>(counts.source) << "\n";
  return out.str();
}

TEST(Golden, Requests) {
  const auto files = inputs("request");
  ASSERT_FALSE(files.empty());
  for (const fs::path& path : files) {
    const std::string text = read_file(path);
    const Scenario scenario = scenario_of(text);
    const auto request = parse_request(scenario.request.operation, Padded(scenario.rest), {});
    ASSERT_THAT(request, Succeeds()) << path;
    expect_file(path, ".body", request->body + "}\n");
    expect_file(path, ".prompt", std::string(request->canonical_prompt()) + "\n");
  }
}

TEST(Golden, Streams) {
  const auto files = inputs("stream");
  ASSERT_FALSE(files.empty());
  for (const fs::path& path : files) {
    const std::string text = read_file(path);
    const Scenario scenario = scenario_of(text);
    Texts texts;
    Texts assembled_texts;
    StreamTranslator translator(
        scenario.request.operation, scenario.dialect, kIdentity, scenario.request.include_usage,
        &texts, {.prompts = scenario.request.inputs, .choices = scenario.request.choices});
    StreamAssembler assembler(scenario.request, scenario.dialect, kIdentity, &assembled_texts);
    std::string out;
    for (const std::string& event : events_of(scenario.rest)) {
      ASSERT_THAT(translator.on_event(event, false, out), Succeeds()) << path;
      ASSERT_THAT(assembler.on_event(event, false), Succeeds()) << path;
    }
    ASSERT_THAT(translator.finish(out), Succeeds()) << path;
    const auto assembled = assembler.finish();
    ASSERT_THAT(assembled, Succeeds()) << path;
    EXPECT_EQ(texts.lines(), assembled_texts.lines()) << path;
    EXPECT_EQ(line_of(translator.counts()), line_of(assembled->counts)) << path;
    expect_file(path, ".client", out);
    expect_file(path, ".assembled", assembled->body + "\n");
    expect_file(path, ".text", texts.lines());
    expect_file(path, ".counts", line_of(translator.counts()));
  }
}

TEST(Golden, PlainAnswers) {
  const auto files = inputs("plain");
  ASSERT_FALSE(files.empty());
  for (const fs::path& path : files) {
    const std::string text = read_file(path);
    const Scenario scenario = scenario_of(text);
    Texts texts;
    const auto reply = translate_plain(scenario.request, scenario.dialect, Padded(scenario.rest),
                                       kIdentity, &texts);
    ASSERT_THAT(reply, Succeeds()) << path;
    expect_file(path, ".client", reply->body + "\n");
    expect_file(path, ".text", texts.lines());
    expect_file(path, ".counts", line_of(reply->counts));
  }
}

}  // namespace
}  // namespace sovmesh::llmapi

#include "config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>
#include <utility>

#include "base/bytes.h"

namespace sovmesh::config {
namespace {

bool is_null_text(std::string_view text) {
  constexpr std::array<std::string_view, 5> kNulls{"", "~", "null", "Null", "NULL"};
  return std::ranges::find(kNulls, text) != kNulls.end();
}

// Builds the tree from the parser's events. The first error ends it.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, std::vector<YamlNode>& documents)
      : file_(file), documents_(documents) {}

  struct Wrong {
    Position position;
    std::string message;
  };

  void OnDocumentStart(const YAML::Mark& mark) override {
    // Where the library can read nothing it finds empty documents without end.
    if (began_at_ == mark.pos) wrong(mark, "not valid YAML: nothing can begin here");
    began_at_ = mark.pos;
    anchors_.clear();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    put(made(YamlNode::Kind::null, mark), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) wrong(mark, "the alias is used inside of what it stands for");
    nodes_ += size_of(found->second);
    check_size(mark);
    put(found->second, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (tag != "?" && tag != "!" && !tag.empty() && tag != "tag:yaml.org,2002:str")
      wrong(mark, fmt::format("the tag '{}' is not read: write the value without it", tag));
    const bool is_plain = tag == "?";
    if (is_plain && is_null_text(value)) return OnNull(mark, anchor);
    YamlNode node = made(YamlNode::Kind::scalar, mark);
    node.text = value;
    node.is_quoted = !is_plain;
    put(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::list, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::map, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    YamlNode node;
    YAML::anchor_t anchor = 0;
    bool wants_value = false;          // of a map: its last name has none yet
    std::map<std::string, int> names;  // of a map, with their lines
  };

  [[noreturn]] void wrong(const YAML::Mark& mark, std::string message) const {
    throw Wrong{place(mark), std::move(message)};
  }
  Position place(const YAML::Mark& mark) const {
    return {.file = file_, .line = mark.line + 1, .column = mark.column + 1};
  }
  void check_size(const YAML::Mark& mark) const {
    if (nodes_ > kYamlNodesMax)
      wrong(mark, fmt::format("more than {} values are too many for one file", kYamlNodesMax));
  }
  YamlNode made(YamlNode::Kind kind, const YAML::Mark& mark) {
    ++nodes_;
    check_size(mark);
    YamlNode node;
    node.kind = kind;
    node.position = place(mark);
    return node;
  }
  static std::size_t size_of(const YamlNode& node) {
    std::size_t size = 1 + node.names.size();
    for (const YamlNode& value : node.values)
      size += size_of(value);
    return size;
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (open_.size() >= kYamlDepthMax)
      wrong(mark, fmt::format("more than {} levels are too many", kYamlDepthMax));
    open_.push_back({.node = made(kind, mark), .anchor = anchor, .names = {}});
  }
  void close() {
    Open done = std::move(open_.back());
    open_.pop_back();
    put(std::move(done.node), done.anchor);
  }

  void put(YamlNode node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      if (!node.is_null()) documents_.push_back(std::move(node));
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_list() || parent.wants_value) {
      parent.wants_value = false;
      parent.node.values.push_back(std::move(node));
      return;
    }
    take_name(parent, std::move(node));
  }
  void take_name(Open& parent, YamlNode name) {
    if (!name.is_scalar()) throw Wrong{name.position, "a name must be plain text"};
    const auto [at, is_new] = parent.names.try_emplace(name.text, name.position.line);
    if (!is_new) {
      throw Wrong{name.position,
                  fmt::format("'{}' stands twice (first in line {})", name.text, at->second)};
    }
    parent.node.names.push_back(std::move(name));
    parent.wants_value = true;
  }

  const std::string& file_;
  std::vector<YamlNode>& documents_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, YamlNode> anchors_;
  std::size_t nodes_ = 0;
  int began_at_ = -1;
};

}  // namespace

const YamlNode* YamlNode::find(std::string_view name) const {
  const auto at = std::ranges::find(names, name, &YamlNode::text);
  if (!is_map() || at == names.end()) return nullptr;
  return &values[static_cast<std::size_t>(at - names.begin())];
}

std::vector<YamlNode> read_yaml(const std::string& file, std::string_view text,
                                std::vector<Finding>& findings) {
  const auto refuse = [&](Position position, std::string message) {
    findings.push_back({.position = std::move(position), .message = std::move(message)});
    return std::vector<YamlNode>();
  };
  if (text.size() > kYamlBytesMax)
    return refuse({.file = file, .line = 1, .column = 1},
                  fmt::format("the file is larger than {} MiB", kYamlBytesMax >> 20U));
  if (!is_valid_utf8(text)) {
    int line = 1;
    for (; is_valid_utf8(text.substr(0, text.find('\n'))); ++line)
      text.remove_prefix(text.find('\n') + 1);
    return refuse({.file = file, .line = line, .column = 1}, "this line is not UTF-8");
  }
  std::vector<YamlNode> documents;
  TreeBuilder builder(file, documents);
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& broken) {
    return refuse({.file = file, .line = broken.mark.line + 1, .column = broken.mark.column + 1},
                  "not valid YAML: " + broken.msg);
  } catch (const TreeBuilder::Wrong& wrong) {
    return refuse(wrong.position, wrong.message);
  }
  return documents;
}

}  // namespace sovmesh::config

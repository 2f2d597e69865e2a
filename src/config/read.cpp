#include "config/read.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "base/bytes.h"
#include "config/describe.h"
#include "config/values.h"

namespace sovmesh::config {
namespace {

constexpr std::size_t kSecretBytesMax = std::size_t{64} * 1024;
constexpr std::size_t kCaBytesMax = 1U << 20;

// What every visitor of one reading shares.
struct Context {
  const std::string& file;
  const Environment& environment;
  FileReader::Access access;
  std::vector<Finding>& findings;
  std::vector<std::string>& touched;

  Position at(const YAML::Node& node) const {
    const YAML::Mark mark = node.Mark();
    return {.file = file, .line = mark.line + 1, .column = mark.column + 1};
  }
  void error(const YAML::Node& node, std::string message) const {
    findings.push_back({.position = at(node), .message = std::move(message)});
  }
  std::string resolve(const std::string& path) const {
    const std::filesystem::path folder = std::filesystem::path(file).parent_path();
    return (folder / path).lexically_normal().string();
  }
};

// Visits one mapping of the YAML file. Fields are looked up by name; what is left over at the end
// is unknown.
class YamlVisitor {
 public:
  YamlVisitor(const Context& context, const YAML::Node& map, std::string_view what)
      : context_(context), map_(map), what_(what) {
    if (!map.IsMap()) {
      if (!map.IsNull()) context.error(map, fmt::format("{}: want a mapping (name: value)", what));
      return;
    }
    for (const auto& entry : map)
      take_entry(entry.first, entry.second);
  }

  void finish() {
    for (const auto& [name, entry] : entries_) {
      if (entry.used) continue;
      std::string message = fmt::format("unknown setting '{}' in {}", name, what_);
      const std::string_view place = hint_of_place(what_, name);
      const std::string_view hint = closest(name, names_);
      if (!place.empty())
        message += fmt::format("; {}", place);
      else if (!hint.empty())
        message += fmt::format("; did you mean '{}'?", hint);
      context_.error(entry.key, std::move(message));
    }
  }

  const std::vector<YAML::Node>& includes() const { return includes_; }

  void position(Position& out) const { out = context_.at(map_); }
  void given(Given& out) const {
    for (const auto& [name, entry] : entries_)
      out.add(name, context_.at(entry.key));
  }

  template <class T>
  void field(std::string_view name, T& out, std::string_view, Bounds bounds = kAny) {
    if (const YAML::Node* node = find(name)) read(name, *node, out, bounds);
  }
  template <class T>
  void required(std::string_view name, T& out, std::string_view sentence, Bounds bounds = kAny) {
    field(name, out, sentence, bounds);
    if (map_.IsMap() && !entries_.contains(std::string(name))) {
      context_.error(map_, fmt::format("{} needs '{}'", what_, name));
    }
  }
  void choice(std::string_view name, std::string& out, std::string_view sentence,
              std::initializer_list<std::string_view> allowed) {
    field(name, out, sentence);
    if (std::ranges::find(allowed, out) != allowed.end()) return;
    const YAML::Node* node = find(name);
    context_.error(node != nullptr ? *node : map_,
                   fmt::format("{}: '{}' is not one of {}", name, out, fmt::join(allowed, ", ")));
  }
  void required_choice(std::string_view name, std::string& out, std::string_view sentence,
                       std::initializer_list<std::string_view> allowed) {
    if (find(name) != nullptr) {
      choice(name, out, sentence, allowed);
    } else if (map_.IsMap()) {
      context_.error(map_,
                     fmt::format("{} needs '{}' ({})", what_, name, fmt::join(allowed, ", ")));
    }
  }
  void optional_choice(std::string_view name, std::optional<std::string>& out,
                       std::string_view sentence, std::initializer_list<std::string_view> allowed) {
    if (find(name) != nullptr) choice(name, out.emplace(), sentence, allowed);
  }
  void kind(bool& managed) {
    std::string text = "remote";
    const YAML::Node* node = find("kind");
    choice("kind", text, "", {"managed", "remote"});
    if (node == nullptr && map_.IsMap()) context_.error(map_, "engine needs 'kind'");
    managed = text == "managed";
  }
  void never(std::string_view name, std::optional<std::chrono::milliseconds>& out,
             std::string_view sentence) {
    const YAML::Node* node = find(name);
    if (node != nullptr && node->IsScalar() && node->Scalar() == "never") {
      out.reset();
      return;
    }
    std::chrono::milliseconds value = out.value_or(std::chrono::milliseconds(0));
    field(name, value, sentence);
    if (node != nullptr) out = value;
  }
  template <class T>
  void section(std::string_view name, T& out, std::string_view) {
    if (const YAML::Node* node = find(name)) visit(*node, name, out);
  }
  template <class T>
  void optional_section(std::string_view name, std::optional<T>& out, std::string_view) {
    if (const YAML::Node* node = find(name)) visit(*node, name, out.emplace());
  }
  template <class T>
  void list(std::string_view name, std::vector<T>& out, std::string_view) {
    const YAML::Node* node = find(name);
    if (node == nullptr || node->IsNull()) return;
    if (!node->IsSequence()) {
      context_.error(*node, fmt::format("{}: want a list (- ...)", name));
      return;
    }
    const std::string_view one = name.substr(0, name.size() - 1);  // "engines" -> "engine"
    for (const YAML::Node& item : *node)
      visit(item, one, out.emplace_back());
  }
  void includes(std::string_view name, std::string_view) {
    const YAML::Node* node = find(name);
    if (node == nullptr) return;
    if (!node->IsSequence()) {
      context_.error(*node, "include: want a list of files");
      return;
    }
    for (const YAML::Node& item : *node)
      includes_.push_back(item);
  }
  void secret(std::string_view name, Secret& out, std::string_view) {
    if (const YAML::Node* node = find(name)) {
      if (auto value = read_secret(name, *node)) out = *std::move(value);
    }
  }
  // One that is missing is found by the checks, which know whose it is.
  void required_secret(std::string_view name, Secret& out, std::string_view sentence) {
    secret(name, out, sentence);
  }
  void optional_secret(std::string_view name, std::optional<Secret>& out, std::string_view) {
    if (const YAML::Node* node = find(name)) out = read_secret(name, *node);
  }
  void file_contents(std::string_view name, std::string& out, std::string_view) {
    std::string path;
    field(name, path, "");
    const YAML::Node* node = find(name);
    if (node == nullptr || path.empty()) return;
    take(name, *node, read_file(path, kCaBytesMax), out);
  }

 private:
  struct Entry {
    YAML::Node key;
    YAML::Node value;
    bool used = false;
  };

  void take_entry(const YAML::Node& key, const YAML::Node& value) {
    if (!key.IsScalar()) {
      context_.error(key, fmt::format("{}: a setting's name must be plain text", what_));
      return;
    }
    const auto [at, fresh] = entries_.try_emplace(key.Scalar(), Entry{key, value});
    if (!fresh) {
      context_.error(key, fmt::format("'{}' stands twice in {} (first in line {})", key.Scalar(),
                                      what_, at->second.key.Mark().line + 1));
    }
  }

  const YAML::Node* find(std::string_view name) {
    if (std::ranges::find(names_, name) == names_.end()) names_.push_back(name);
    const auto at = entries_.find(std::string(name));
    if (at == entries_.end()) return nullptr;
    at->second.used = true;
    return &at->second.value;
  }

  template <class T>
  void visit(const YAML::Node& node, std::string_view what, T& out) const {
    YamlVisitor inner(context_, node, what);
    describe(inner, out);
    inner.finish();
  }

  template <class T>
  void take(std::string_view name, const YAML::Node& node, Result<T> value, T& out) const {
    if (value) {
      out = *std::move(value);
    } else {
      context_.error(node, fmt::format("{}: {}", name, value.error().message()));
    }
  }

  std::optional<std::string> scalar(std::string_view name, const YAML::Node& node) const {
    if (!node.IsScalar()) {
      context_.error(node, fmt::format("{}: want one value, not {}", name,
                                       node.IsNull() ? "nothing" : "a list or a mapping"));
      return std::nullopt;
    }
    auto text = interpolate(node.Scalar(), context_.environment);
    if (!text) {
      context_.error(node, fmt::format("{}: {}", name, text.error().message()));
      return std::nullopt;
    }
    return *std::move(text);
  }

  template <class T>
  void read(std::string_view name, const YAML::Node& node, T& out, Bounds bounds) const {
    const auto text = scalar(name, node);
    if (!text) return;
    if (const Result<void> parsed = parse_value(*text, out, bounds); !parsed) {
      context_.error(node, fmt::format("{}: {}", name, parsed.error().message()));
    }
  }
  template <class T>
  void read(std::string_view name, const YAML::Node& node, std::optional<T>& out,
            Bounds bounds) const {
    read(name, node, out.emplace(), bounds);
  }
  void read(std::string_view name, const YAML::Node& node, std::vector<std::string>& out,
            Bounds bounds) const {
    if (!node.IsSequence()) {
      context_.error(node, fmt::format("{}: want a list, as [a, b]", name));
      return;
    }
    out.clear();
    for (const YAML::Node& item : node)
      read(name, item, out.emplace_back(), bounds);
  }
  void read(std::string_view name, const YAML::Node& node, std::map<std::string, bool>& out,
            Bounds bounds) const {
    if (!node.IsMap()) {
      context_.error(node, fmt::format("{}: want a mapping, as {{embeddings: true}}", name));
      return;
    }
    for (const auto& entry : node) {
      read(name, entry.second, out[entry.first.IsScalar() ? entry.first.Scalar() : ""], bounds);
    }
  }

  void read(std::string_view name, const YAML::Node& node, std::map<std::string, std::string>& out,
            Bounds bounds) const {
    if (!node.IsMap()) {
      context_.error(node, fmt::format("{}: want a mapping, as {{name: value}}", name));
      return;
    }
    for (const auto& entry : node) {
      const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
      const auto [at, is_new] = out.try_emplace(key);
      if (!is_new) context_.error(entry.first, fmt::format("{}: '{}' stands twice", name, key));
      read(name, entry.second, at->second, bounds);
    }
  }

  Result<std::string> read_file(const std::string& path, std::size_t bytes_max) const {
    if (!context_.access.files) {
      return our_error(Code::config_invalid, "files cannot be read here");
    }
    context_.touched.push_back(context_.resolve(path));
    return read_text_file(context_.touched.back(), bytes_max);
  }

  std::optional<Secret> read_secret(std::string_view name, const YAML::Node& node) const {
    std::string text;
    if (!node.IsScalar()) {
      context_.error(node, fmt::format("{}: want file:PATH or env:NAME", name));
      return std::nullopt;
    }
    const Result<SecretRef> ref = parse_secret_ref(node.Scalar());
    if (!ref) {
      context_.error(node, fmt::format("{}: {}", name, ref.error().message()));
      return std::nullopt;
    }
    if (ref->is_file) {
      take(name, node, read_file(ref->name, kSecretBytesMax), text);
    } else if (auto value = context_.environment(ref->name)) {
      text = *std::move(value);
    } else {
      context_.error(node,
                     fmt::format("{}: the environment variable '{}' is not set", name, ref->name));
      return std::nullopt;
    }
    if (text.empty()) return std::nullopt;
    warn_if_readable(name, node, *ref);
    return Secret(std::move(text), node.Scalar());
  }

  void warn_if_readable(std::string_view name, const YAML::Node& node, const SecretRef& ref) const {
    namespace fs = std::filesystem;
    if (!ref.is_file) return;
    std::error_code failed;
    const auto mode = fs::status(context_.resolve(ref.name), failed).permissions();
    if (failed || (mode & fs::perms::others_read) == fs::perms::none) return;
    context_.findings.push_back(
        {.position = context_.at(node),
         .message = fmt::format("{}: '{}' can be read by every user; chmod 600 it", name, ref.name),
         .is_error = false});
  }

  const Context& context_;
  const YAML::Node& map_;
  std::string what_;
  std::map<std::string, Entry> entries_;
  std::vector<std::string_view> names_;
  std::vector<YAML::Node> includes_;
};

// 0: none.
int first_line_not_utf8(std::string_view text) {
  if (is_valid_utf8(text)) return 0;
  int line = 1;
  for (; !text.empty() && is_valid_utf8(text.substr(0, text.find('\n'))); ++line)
    text.remove_prefix(text.find('\n') + 1);
  return line;
}

// Where the documents of a text begin.
class DocumentStarts final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { marks.push_back(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  std::vector<YAML::Mark> marks;
};

// Two are enough to refuse a text. YAML::LoadAll() wants them all, and where the library can read
// nothing (",x") it finds one empty document after the other, without end.
std::vector<YAML::Mark> first_documents(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  DocumentStarts starts;
  while (starts.marks.size() < 2 && parser.HandleNextDocument(starts)) {
  }
  return std::move(starts.marks);
}

using Report = std::function<void(int line, int column, std::string message)>;

// The one document of a text; nothing when that was reported.
std::optional<YAML::Node> only_document(std::string_view text, const Report& error_at) {
  const auto refuse = [&](int line, int column, std::string message) {
    error_at(line, column, std::move(message));
    return std::nullopt;
  };
  if (text.size() > FileReader::kBytesMax) return refuse(1, 1, "the file is larger than 4 MiB");
  if (const int line = first_line_not_utf8(text); line > 0)
    return refuse(line, 1, "this line is not UTF-8");
  const std::string yaml(text);
  const auto documents = first_documents(yaml);
  if (documents.size() > 1) {
    const YAML::Mark mark = documents[1];
    return refuse(mark.line + 1, mark.column + 1,
                  mark.pos == documents[0].pos
                      ? "not valid YAML: no setting can begin here"
                      : "a second YAML document: only the first one would be in force; use "
                        "'include'");
  }
  return YAML::Load(yaml);
}

}  // namespace

LoadedRoute load_route(const std::string& file, std::string_view yaml,
                       const Environment& environment) {
  LoadedRoute loaded;
  std::vector<std::string> touched;
  const Context context{file, environment, {.files = false}, loaded.findings, touched};
  const auto error_at = [&](int line, int column, std::string message) {
    loaded.findings.push_back({.position = {.file = file, .line = line, .column = column},
                               .message = std::move(message)});
  };
  Route route;
  try {
    const auto root = only_document(yaml, error_at);
    if (!root) return loaded;
    const bool is_list = root->IsSequence() && root->size() == 1;
    const YAML::Node node = is_list ? (*root)[0] : *root;
    if (!node.IsMap()) context.error(node, "want one route: name, versions and so on");
    YamlVisitor visitor(context, node, "route");
    describe(visitor, route);
    visitor.finish();
  } catch (const YAML::Exception& broken) {
    error_at(broken.mark.line + 1, broken.mark.column + 1, "not valid YAML: " + broken.msg);
  }
  if (std::ranges::none_of(loaded.findings, &Finding::is_error)) loaded.route = std::move(route);
  return loaded;
}

void FileReader::read(const std::string& file, std::string_view text, Config& config) {
  const Context context{file, environment_, access_, findings_, touched_};
  const auto error_at = [&](int line, int column, std::string message) {
    findings_.push_back({.position = {.file = file, .line = line, .column = column},
                         .message = std::move(message)});
  };
  config.files.push_back(file);
  try {
    const auto document = only_document(text, error_at);
    if (!document) return;
    const YAML::Node& root = *document;
    // Most likely cut short by whoever writes it. It must not take everything out of force.
    if (root.IsNull() || (root.IsMap() && root.size() == 0)) {
      return error_at(1, 1,
                      "the file is empty: nothing would be served; want at least one setting "
                      "(engines, models and tenants, as a rule)");
    }
    YamlVisitor visitor(context, root, "the file");
    describe(visitor, config);
    visitor.finish();
    for (const YAML::Node& node : visitor.includes()) {
      if (!access_.files || !node.IsScalar() || ++included_ > kIncludesMax) {
        context.error(node, "this file cannot be included");
        continue;
      }
      const std::string path = context.resolve(node.Scalar());
      touched_.push_back(path);
      const Result<std::string> more = read_text_file(path, kBytesMax);
      if (!more) {
        context.error(node, more.error().message());
        continue;
      }
      read(path, *more, config);
    }
  } catch (const YAML::Exception& broken) {
    error_at(broken.mark.line + 1, broken.mark.column + 1, "not valid YAML: " + broken.msg);
  }
}

}  // namespace sovmesh::config

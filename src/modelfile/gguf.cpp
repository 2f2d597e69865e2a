#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "modelfile/gguf_types.h"
#include "modelfile/header.h"

// GGUF, versions 2 and 3: magic, version, counts, metadata, the tensors' places, then their data.
namespace sovmesh::modelfile {
namespace {

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint64_t kPairsMax = 100'000;
constexpr std::uint64_t kListMax = std::uint64_t{1} << 24;  // entries; vocabularies are lists
constexpr std::uint64_t kNameMax = 65'535;
constexpr std::uint32_t kDimensionsMax = 4;
constexpr std::uint64_t kUsualAlignment = 32;
constexpr std::uint64_t kAlignmentMax = std::uint64_t{1} << 20;

enum class Kind : std::uint32_t { text = 8, list = 9 };
// Bytes of the kinds that have a fixed size, by number: 8 and 9 have none.
constexpr std::array<std::uint64_t, 13> kSizes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

template <class... Values>
std::unexpected<Error> wrong(fmt::format_string<Values...> text, Values&&... values) {
  return client_error(Code::invalid_value, fmt::format(text, std::forward<Values>(values)...));
}

struct Tensor {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::string name;
};

// The pairs that tell something of the model; the others are walked over.
struct Metadata {
  std::map<std::string, std::string, std::less<>> texts;
  std::map<std::string, std::uint64_t, std::less<>> numbers;

  std::string text(std::string_view key) const {
    const auto found = texts.find(key);
    return found == texts.end() ? std::string() : shown(found->second);
  }
  std::uint64_t number(std::string_view key, std::uint64_t otherwise) const {
    const auto found = numbers.find(key);
    return found == numbers.end() ? otherwise : found->second;
  }
};

bool tells(std::string_view key) {
  return key == "general.architecture" || key == "general.name" || key == "general.license" ||
         key == "general.alignment" || key.ends_with(".context_length");
}

class GgufReader {
 public:
  explicit GgufReader(ByteSource& source) : source_(source), reader_(source, kHeaderBytesMax) {}

  Result<Header> read() {
    TRY_VOID(read_counts());
    for (std::uint64_t i = 0; i < pairs_; ++i)
      TRY_VOID(read_pair());
    for (std::uint64_t i = 0; i < tensors_; ++i)
      TRY_VOID(read_tensor());
    TRY_VOID(check_places());
    return header();
  }

 private:
  Result<void> read_counts() {
    std::array<char, kMagic.size()> magic{};
    TRY_VOID(reader_.bytes(magic));
    if (std::string_view(magic.data(), magic.size()) != kMagic)
      return wrong("it does not begin with GGUF");
    TRY(const auto version, reader_.number<std::uint32_t>());
    if (version < 2 || version > 3) {
      return wrong("it is of GGUF version {}; versions 2 and 3 (little-endian) are known", version);
    }
    TRY(tensors_, reader_.number<std::uint64_t>());
    TRY(pairs_, reader_.number<std::uint64_t>());
    if (tensors_ == 0) return wrong("it has no tensors");
    if (tensors_ > kTensorsMax)
      return wrong("it claims {} tensors (at most {})", tensors_, kTensorsMax);
    if (pairs_ > kPairsMax)
      return wrong("it claims {} metadata pairs (at most {})", pairs_, kPairsMax);
    return {};
  }

  Result<void> read_pair() {
    TRY(const std::string key, reader_.text(kNameMax));
    TRY(const auto kind, reader_.number<std::uint32_t>());
    const bool wanted = tells(key);
    if (kind == std::to_underlying(Kind::text)) {
      if (!wanted) return reader_.skip_text(kTextBytesMax);
      TRY(metadata_.texts[key], reader_.text(kTextBytesMax));
      return {};
    }
    if (kind == std::to_underlying(Kind::list)) return skip_list(key);
    if (kind >= kSizes.size()) return wrong("'{}' is of the unknown kind {}", shown(key), kind);
    if (!wanted || kind == 6 || kind == 12) return reader_.skip(kSizes.at(kind));
    std::uint64_t value = 0;
    TRY_VOID(reader_.bytes({reinterpret_cast<char*>(&value), kSizes.at(kind)}));
    metadata_.numbers[key] = value;
    return {};
  }

  Result<void> skip_list(std::string_view key) {
    TRY(const auto kind, reader_.number<std::uint32_t>());
    TRY(const auto count, reader_.number<std::uint64_t>());
    if (kind == std::to_underlying(Kind::list) || kind >= kSizes.size())
      return wrong("'{}' is a list of the kind {}, which no model has", shown(key), kind);
    if (count > kListMax)
      return wrong("'{}' claims {} entries (at most {})", shown(key), count, kListMax);
    if (kind != std::to_underlying(Kind::text)) return reader_.skip(count * kSizes.at(kind));
    for (std::uint64_t i = 0; i < count; ++i)
      TRY_VOID(reader_.skip_text(kTextBytesMax));
    return {};
  }

  Result<void> read_tensor() {
    Tensor tensor;
    TRY(tensor.name, reader_.text(kNameMax));
    if (!names_.insert(tensor.name).second)
      return wrong("the tensor '{}' stands twice", shown(tensor.name));
    TRY(const auto dimensions, reader_.number<std::uint32_t>());
    if (dimensions == 0 || dimensions > kDimensionsMax)
      return wrong("the tensor '{}' has {} dimensions", shown(tensor.name), dimensions);
    std::uint64_t weights = 1;
    std::uint64_t row = 0;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
      TRY(const auto length, reader_.number<std::uint64_t>());
      if (length == 0 || length > std::numeric_limits<std::int64_t>::max() / weights)
        return wrong("the tensor '{}' has a side of {}", shown(tensor.name), length);
      weights *= length;
      if (i == 0) row = length;
    }
    TRY(const auto id, reader_.number<std::uint32_t>());
    const GgufType* const type = find_gguf_type(id);
    if (type == nullptr)
      return wrong("the tensor '{}' is of the unknown type {}", shown(tensor.name), id);
    if (row % type->weights != 0)
      return wrong("rows of the tensor '{}' are no whole blocks of {}", shown(tensor.name),
                   type->name);
    TRY(tensor.offset, reader_.number<std::uint64_t>());
    const std::uint64_t blocks = weights / type->weights;
    if (blocks > std::numeric_limits<std::int64_t>::max() / type->bytes)
      return wrong("the tensor '{}' is too large", shown(tensor.name));
    tensor.bytes = blocks * type->bytes;
    parameters_ += weights;
    by_type_[type->name] += weights;
    places_.push_back(std::move(tensor));
    return {};
  }

  Result<void> check_places() {
    const std::uint64_t alignment = metadata_.number("general.alignment", kUsualAlignment);
    if (alignment == 0 || alignment > kAlignmentMax || (alignment & (alignment - 1)) != 0)
      return wrong("general.alignment is {}", alignment);
    const std::uint64_t begin = (reader_.position() + alignment - 1) / alignment * alignment;
    const std::uint64_t room = source_.size() - std::min(source_.size(), begin);
    std::ranges::sort(places_, {}, &Tensor::offset);
    std::uint64_t end = 0;
    for (const Tensor& tensor : places_) {
      if (tensor.offset % alignment != 0)
        return wrong("the tensor '{}' does not begin at a multiple of {}", shown(tensor.name),
                     alignment);
      if (tensor.offset < end)
        return wrong("the tensor '{}' lies over another one", shown(tensor.name));
      if (tensor.offset > room || tensor.bytes > room - tensor.offset) {
        return wrong("the tensor '{}' ends behind the end of the file: it is cut off, or no model",
                     shown(tensor.name));
      }
      end = tensor.offset + tensor.bytes;
    }
    return {};
  }

  Header header() const {
    const auto most =
        std::ranges::max_element(by_type_, {}, [](const auto& one) { return one.second; });
    const std::string architecture = metadata_.text("general.architecture");
    const std::uint64_t context = metadata_.number(architecture + ".context_length", 0);
    constexpr std::uint64_t kContextMax = std::uint64_t{1} << 32;
    return {.format = "gguf",
            .architecture = architecture,
            .name = metadata_.text("general.name"),
            .licence = metadata_.text("general.license"),
            .quantisation = std::string(most->first),
            .context = context > kContextMax ? 0 : static_cast<std::int64_t>(context),
            .parameters = static_cast<std::int64_t>(parameters_),
            .tensors = static_cast<std::int64_t>(tensors_)};
  }

  ByteSource& source_;
  Reader reader_;
  std::uint64_t tensors_ = 0;
  std::uint64_t pairs_ = 0;
  std::uint64_t parameters_ = 0;
  Metadata metadata_;
  std::set<std::string> names_;
  std::map<std::string_view, std::uint64_t> by_type_;
  std::vector<Tensor> places_;
};

}  // namespace

std::string shown(std::string_view text) {
  std::string out(text.substr(0, kShownMax));
  while (!out.empty() && !is_valid_utf8(out))
    out.pop_back();
  if (out.empty() && !text.empty()) return "(no text)";
  // Terminals obey controls, also those that are two bytes long; text that runs backwards deceives.
  for (const std::string_view two : {"\xc2"})
    for (auto at = out.find(two); at != out.npos; at = out.find(two, at + 1))
      if (at + 1 < out.size() && static_cast<unsigned char>(out[at + 1]) < 0xa0)
        out[at] = out[at + 1] = ' ';
  for (const std::string_view three :
       {"\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac",
        "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7", "\xe2\x81\xa8",
        "\xe2\x81\xa9"})
    for (auto at = out.find(three); at != out.npos; at = out.find(three))
      out.replace(at, three.size(), " ");
  std::ranges::replace_if(
      out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return out;
}

Result<Header> read_gguf(ByteSource& source) { return GgufReader(source).read(); }

}  // namespace sovmesh::modelfile

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "modelfile/header.h"

// safetensors: the length of a JSON header as 64 bits, the header, the tensors' data.
namespace sovmesh::modelfile {
namespace {

using nlohmann::json;

constexpr std::uint64_t kJsonBytesMax = std::uint64_t{100} << 20;  // the format's own bound
constexpr std::size_t kDimensionsMax = 8;

struct Type {
  std::string_view name;
  std::uint64_t bits;
};
constexpr std::array kTypes{
    Type{"F64", 64}, Type{"F32", 32}, Type{"F16", 16},    Type{"BF16", 16},   Type{"I64", 64},
    Type{"I32", 32}, Type{"I16", 16}, Type{"I8", 8},      Type{"U64", 64},    Type{"U32", 32},
    Type{"U16", 16}, Type{"U8", 8},   Type{"F8_E4M3", 8}, Type{"F8_E5M2", 8}, Type{"F8_E8M0", 8},
    Type{"F4", 4},   Type{"BOOL", 8}};

template <class... Values>
std::unexpected<Error> wrong(fmt::format_string<Values...> text, Values&&... values) {
  return client_error(Code::invalid_value, fmt::format(text, std::forward<Values>(values)...));
}

// One level of objects below the top one, lists of numbers in them: what is deeper is no header. A
// name that stands twice would be one tensor to some readers and another one to others.
class Guard {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& value) {
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start)
      too_deep_ = too_deep_ || depth > 2;
    if (event == json::parse_event_t::object_start && depth == 1) fields_.clear();
    if (event == json::parse_event_t::key) note(depth, value.get_ref<const std::string&>());
    return !too_deep_ && !too_many_ && !twice_;
  }
  bool too_deep() const { return too_deep_; }
  bool too_many() const { return too_many_; }
  const std::optional<std::string>& twice() const { return twice_; }

 private:
  void note(int depth, const std::string& name) {
    if (depth > 2 || too_many_ || twice_) return;
    auto& names = depth == 1 ? tensors_ : fields_;
    if (!names.insert(name).second) twice_ = name;
    too_many_ = names.size() > kTensorsMax + 1;  // and the metadata
  }

  bool too_deep_ = false;
  bool too_many_ = false;
  std::optional<std::string> twice_;
  std::unordered_set<std::string> tensors_;
  std::unordered_set<std::string> fields_;  // of one tensor
};

struct Place {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  std::string name;
  std::string_view type;
  std::uint64_t weights = 1;
};

std::optional<std::uint64_t> number_of(const json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::uint64_t>();
}

Result<Place> place_of(const std::string& name, const json& tensor) {
  Place place;
  place.name = name;
  const json dtype = tensor.value("dtype", json());
  const json shape = tensor.value("shape", json());
  const json offsets = tensor.value("data_offsets", json());
  const auto type = std::ranges::find_if(kTypes, [&](const Type& one) {
    return dtype.is_string() && dtype.get_ref<const std::string&>() == one.name;
  });
  if (type == kTypes.end()) return wrong("the tensor '{}' has no known dtype", shown(name));
  if (!shape.is_array() || shape.size() > kDimensionsMax)
    return wrong("the tensor '{}' has no shape", shown(name));
  if (!offsets.is_array() || offsets.size() != 2)
    return wrong("the tensor '{}' has no data_offsets", shown(name));
  for (const json& side : shape) {
    const auto length = number_of(side);
    if (!length ||
        (*length != 0 && place.weights > std::numeric_limits<std::int64_t>::max() / 64 / *length))
      return wrong("the tensor '{}' has an impossible shape", shown(name));
    place.weights *= *length;
  }
  const auto begin = number_of(offsets[0]);
  const auto end = number_of(offsets[1]);
  if (!begin || !end || *end < *begin || *end - *begin != (place.weights * type->bits + 7) / 8)
    return wrong("the tensor '{}' has not the bytes that its shape needs", shown(name));
  place.begin = *begin;
  place.end = *end;
  place.type = type->name;
  return place;
}

}  // namespace

Result<Header> read_safetensors(ByteSource& source) {
  Reader reader(source, kHeaderBytesMax);
  TRY(const auto length, reader.number<std::uint64_t>());
  if (length < 2 || length > kJsonBytesMax || length > reader.left())
    return wrong("its header claims {} bytes", length);
  std::string text(static_cast<std::size_t>(length), '\0');
  TRY_VOID(reader.bytes(text));
  if (text.front() != '{') return wrong("its header is no JSON object");
  Guard guard;
  const json header = json::parse(text, std::ref(guard), false);
  if (guard.twice()) return wrong("its header names '{}' twice", shown(*guard.twice()));
  if (guard.too_many()) return wrong("it claims more than {} tensors", kTensorsMax);
  if (guard.too_deep() || !header.is_object())
    return wrong("its header is no JSON object of tensors");
  std::vector<Place> places;
  for (const auto& [name, tensor] : header.items()) {
    if (name == "__metadata__") continue;
    if (!tensor.is_object()) return wrong("'{}' is no tensor", shown(name));
    TRY(Place place, place_of(name, tensor));
    places.push_back(std::move(place));
  }
  if (places.empty()) return wrong("it has no tensors");
  std::ranges::sort(places, {},
                    [](const Place& place) { return std::pair(place.begin, place.end); });
  const std::uint64_t room = source.size() - reader.position();
  std::uint64_t end = 0;
  std::uint64_t parameters = 0;
  std::map<std::string_view, std::uint64_t> by_type;
  for (const Place& place : places) {
    if (place.begin != end)
      return wrong("the tensor '{}' does not begin where the one before it ends",
                   shown(place.name));
    end = place.end;
    parameters += place.weights;
    by_type[place.type] += place.weights;
  }
  if (end != room) {
    return wrong(
        "its tensors have {} bytes, the file has {} for them: it is cut off, or has more than "
        "tensors",
        end, room);
  }
  const auto most =
      std::ranges::max_element(by_type, {}, [](const auto& one) { return one.second; });
  return Header{.format = "safetensors",
                .architecture = {},
                .name = {},
                .licence = {},
                .quantisation = std::string(most->first),
                .context = 0,
                .parameters = static_cast<std::int64_t>(parameters),
                .tensors = static_cast<std::int64_t>(places.size())};
}

}  // namespace sovmesh::modelfile

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sovmesh::llmapi {

// What a text of a prompt has, as far as that can be said without the tokenizer of its model.
struct TextSize {
  std::size_t characters = 0;  // Unicode code points
  // Never more than the text has inside a prompt, by what tokenizers of today have in common:
  //   - no token goes over a space or a line's end and on with a letter or digit;
  //   - none has letters and digits, and none has two words with signs between them, but for those
  //     joined by an apostrophe ("don't") and for whole marks like <|end_of_text|> and [/INST];
  //   - none has more than kCjkMax characters of Chinese, Japanese or Korean, nor more than
  //     kBytesMax bytes of letters and digits, whatever their script.
  // The first word is not counted: what stands before the text may join it. docs/ledger.md says
  // against which vocabularies this was tried.
  std::int64_t tokens_floor = 0;
  // What tokenizers make of it on average: a quarter of its bytes or, where that is more (code,
  // numbers, base64), a token for each change of letters, digits and signs. For limits and waits,
  // never billed.
  std::int64_t tokens_usual = 0;

  static constexpr std::int64_t kCjkMax = 16;
  static constexpr std::int64_t kBytesMax = 128;
};

// `json`: the inside of a canonical JSON string, whose text has so many bytes.
TextSize size_of_text(std::string_view json, std::size_t bytes);

}  // namespace sovmesh::llmapi

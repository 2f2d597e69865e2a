#include "rt/frame_memory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace sovmesh::rt {
namespace {

TEST(FrameMemory, FramesInUseNeverShareBytes) {
  struct Frame {
    unsigned char* bytes;
    std::size_t size;
    unsigned char mark;
  };
  std::vector<Frame> frames;
  unsigned char mark = 1;
  for (int round = 0; round < 3; ++round) {
    for (const std::size_t size : {1UZ, 127UZ, 128UZ, 129UZ, 1'000UZ, 4'095UZ, 4'096UZ, 4'097UZ}) {
      for (int i = 0; i < 100; ++i, mark = mark == 255 ? 1 : mark + 1) {
        auto* const bytes = static_cast<unsigned char*>(take_frame(size));
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(bytes) % alignof(std::max_align_t), 0U);
        std::memset(bytes, mark, size);
        frames.push_back({bytes, size, mark});
      }
    }
    while (frames.size() > static_cast<std::size_t>(round == 2 ? 0 : 300)) {
      const Frame frame = frames.back();
      frames.pop_back();
      EXPECT_EQ(frame.bytes[0], frame.mark);
      EXPECT_EQ(frame.bytes[frame.size - 1], frame.mark);
      give_frame(frame.bytes, frame.size);
    }
  }
}

TEST(FrameMemory, AnyThreadMayGiveAFrameBack) {
  std::vector<void*> frames;
  for (int i = 0; i < 200; ++i)
    frames.push_back(take_frame(512));
  std::thread([&frames] {
    for (void* const frame : frames)
      give_frame(frame, 512);
    for (int i = 0; i < 64; ++i)  // what it kept goes before it does: it would be lost with it
      ::operator delete(take_frame(512));
  }).join();
}

}  // namespace
}  // namespace sovmesh::rt

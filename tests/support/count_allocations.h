#pragma once

#include <cstdlib>
#include <new>

// Counts what a program takes from the heap. Included by one file of the program, for it replaces
// the operators. Sanitizers bring operators of their own: then there is no SM_COUNTS_ALLOCATIONS.
#if !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define SM_COUNTS_ALLOCATIONS 1

namespace {
thread_local std::size_t allocations = 0;
}

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif

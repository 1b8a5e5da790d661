// Codes of varying length, one after the other: bytes whose highest bit comes first.
//
// Rule 1: what several threads write is cleared first, up to its true end, and ORed: two pieces
// that lie beside each other share a word.
// Rule 2: in memory a word has the bytes of the file in their order.
#pragma once
#include "types.cuh"

#define WORD_BITS 32

// Bits that do not fill a word yet: the last `count` of `bits`, at most 31.
struct Held {
  u64 bits;
  int count;
};

// Appends a code of at most 32 bits; true if that fills a word, which is then in `word`.
__device__ __forceinline__ bool append(Held* held, u32 code, int length, u32* word) {
  held->bits = held->bits << length | code;
  held->count += length;
  if (held->count < WORD_BITS) return false;
  held->count -= WORD_BITS;
  *word = (u32)(held->bits >> held->count);
  held->bits &= (1ull << held->count) - 1;
  return true;
}

// Returns what is held as a word whose other bits are 0.
__device__ __forceinline__ u32 rest_of(const Held* held) {
  return held->count ? (u32)(held->bits << (WORD_BITS - held->count)) : 0;
}

// Returns a word whose first bit is the highest as it lies in memory.
__device__ __forceinline__ u32 in_file_order(u32 word) { return __byte_perm(word, 0, 0x0123); }

// Clears the words that so many bits take.
extern "C" __global__ void __launch_bounds__(256)
    clear_bits(u32* __restrict__ words, const u64* __restrict__ bits) {
  i64 count = (i64)((*bits + WORD_BITS - 1) / WORD_BITS), step = (i64)gridDim.x * blockDim.x;
  for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += step) words[i] = 0;
}

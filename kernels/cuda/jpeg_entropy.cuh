// Third stage: coefficients as codes, each block where the bits of those before it leave it.
// Twin of `kernels/jpeg/entropy.py`.
//
// Rule 1: a thread takes a block, by its mask; of other blocks it looks at one DC.
// Rule 2: a tile of 256 blocks knows where each begins in it; `exclusive_sum` says where it does.
#pragma once
#include "bits.cuh"
#include "jpeg_layout.cuh"
#include "scan.cuh"

#define CODED_BLOCKS 256
#define LONGEST_ZEROS 16
#define ZEROS_16 0xF0
#define END_OF_BLOCK 0

// The coefficients of a block, read four at once: which of them are to come, and what of them is at
// hand. Of its DC what is coded: how it differs from that of its component's block before it.
struct Block {
  const u64* fours;
  u64 mask, four;
  u32 at;  // which four
  i32 dc;
  int dc_codes, ac_codes;  // rows of the table
};

// Where a block is in its MCU. Constants, because a number that is not known is slow to divide by.
__device__ __forceinline__ int place_in_mcu(int n, int an_mcu) {
  return an_mcu == 1 ? 0 : an_mcu == 3 ? n % 3 : n % 6;
}

__device__ __forceinline__ Block block_of(const i16* coefficients, const u64* masks, int n,
                                          int luma, int an_mcu) {
  const u64* fours = (const u64*)(coefficients + (i64)n * BLOCK_SIZE);
  Block of = {fours, masks[n] & ~1ull, fours[0], 0, 0, 0, 1};
  of.dc = (i16)of.four;
  int k = place_in_mcu(n, an_mcu), before = n - an_mcu;
  if (k >= luma) {
    of.dc_codes = 2;
    of.ac_codes = 3;
  } else {
    before = k == 0 ? before + luma - 1 : n - 1;
  }
  if (before >= 0) of.dc -= coefficients[(i64)before * BLOCK_SIZE];
  return of;
}

// Takes the next coefficient that is not zero; returns its place.
__device__ __forceinline__ u32 take(Block* of, i32* value) {
  u32 k = __ffsll((i64)of->mask) - 1;
  of->mask &= of->mask - 1;
  if (k / 4 != of->at) {
    of->at = k / 4;
    of->four = of->fours[of->at];
  }
  *value = (i16)(of->four >> (k % 4 * 16));
  return k;
}

__device__ __forceinline__ int bits_of(i32 value) { return WORD_BITS - __clz(abs(value)); }

__device__ __forceinline__ void share_codes(const JpegTables* tables, u32 shared[4][256]) {
  for (int row = 0; row < 4; row++) shared[row][threadIdx.x] = tables->codes[row][threadIdx.x];
  __syncthreads();
}

// How many bits each block takes: `within` gets those of its tile before it, `tiles` the tile's.
// What a thread needs of its block is on the way while the codes are waited for.
extern "C" __global__ void __launch_bounds__(CODED_BLOCKS)
    jpeg_sizes(const i16* __restrict__ coefficients, const u64* __restrict__ masks, int blocks,
               int luma, int an_mcu, const JpegTables* __restrict__ tables,
               u32* __restrict__ within, u64* __restrict__ tiles) {
  __shared__ u32 codes[4][256];
  int n = blockIdx.x * CODED_BLOCKS + threadIdx.x;
  Block block = block_of(coefficients, masks, min(n, blocks - 1), luma, an_mcu);
  share_codes(tables, codes);
  u32 bits = 0;
  if (n < blocks) {
    const u32* ac = codes[block.ac_codes];
    u32 size = bits_of(block.dc), last = 0;
    bits = (codes[block.dc_codes][size] & 255) + size;
    while (block.mask) {
      i32 value;
      u32 k = take(&block, &value), zeros = k - last - 1;
      last = k;
      size = bits_of(value);
      bits += zeros / LONGEST_ZEROS * (ac[ZEROS_16] & 255);
      bits += (ac[zeros % LONGEST_ZEROS << 4 | size] & 255) + size;
    }
    if (last < BLOCK_SIZE - 1) bits += ac[END_OF_BLOCK] & 255;
  }
  u64 total;
  u64 before = sum_before(bits, &total);
  if (n < blocks) within[n] = (u32)before;
  if (threadIdx.x == 0) tiles[blockIdx.x] = total;
}

// Where a thread writes.
struct Writer {
  u32* word;
  Held held;
};

__device__ __forceinline__ void put_bits(Writer* out, u32 bits, int length) {
  u32 word;
  if (append(&out->held, bits, length, &word)) atomicOr(out->word++, in_file_order(word));
}

// Writes a code, then so many bits of a value: of a negative one those of one less (T.81, F.1.2.1).
__device__ __forceinline__ void put_value(Writer* out, u32 code, i32 value, int size) {
  u32 extra = (u32)(value < 0 ? value - 1 : value) & ((1u << size) - 1);
  put_bits(out, code >> 8 << size | extra, (code & 255) + size);
}

// ORs the codes of each block into cleared words; after the last one come ones up to a whole byte.
extern "C" __global__ void __launch_bounds__(CODED_BLOCKS)
    jpeg_write(const i16* __restrict__ coefficients, const u64* __restrict__ masks, int blocks,
               int luma, int an_mcu, const JpegTables* __restrict__ tables,
               const u32* __restrict__ within, const u64* __restrict__ tiles, u32* words) {
  __shared__ u32 codes[4][256];
  int n = blockIdx.x * CODED_BLOCKS + threadIdx.x, here = min(n, blocks - 1);
  Block block = block_of(coefficients, masks, here, luma, an_mcu);
  u64 start = tiles[blockIdx.x] + within[here];
  share_codes(tables, codes);
  if (n >= blocks) return;
  Writer out = {words + start / WORD_BITS, {0, (int)(start % WORD_BITS)}};
  const u32* ac = codes[block.ac_codes];
  int size = bits_of(block.dc);
  put_value(&out, codes[block.dc_codes][size], block.dc, size);
  u32 last = 0;
  while (block.mask) {
    i32 value;
    u32 k = take(&block, &value), zeros = k - last - 1;
    last = k;
#pragma unroll 1
    for (; zeros >= LONGEST_ZEROS; zeros -= LONGEST_ZEROS) put_value(&out, ac[ZEROS_16], 0, 0);
    size = bits_of(value);
    put_value(&out, ac[zeros << 4 | size], value, size);
  }
  if (last < BLOCK_SIZE - 1) put_value(&out, ac[END_OF_BLOCK], 0, 0);
  int lacking = -out.held.count & 7;
  if (n == blocks - 1) put_bits(&out, (1u << lacking) - 1, lacking);
  if (out.held.count) atomicOr(out.word, in_file_order(rest_of(&out.held)));
}

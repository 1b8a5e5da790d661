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

// Returns the block whose DC block k of an MCU has: its own, but of a dummy the one before.
__device__ __forceinline__ i64 carrier(const JpegLayout* l, int mcu, int k) {
  if (l->luma == 4 && k < l->luma) {
    bool has_lower = mcu / l->across < l->down - 1 || l->luma_down == l->down * l->side;
    bool has_right = mcu % l->across < l->across - 1 || l->luma_across == l->across * l->side;
    bool lower = k >= 2 && has_lower;
    bool right = has_right && (k & 1 || (k >= 2 && !has_lower));
    k = 2 * lower + right;
  }
  return (i64)mcu * l->an_mcu + k;
}

// Returns how the DC of a block differs from that of its component's block before it.
__device__ __forceinline__ i32 dc_difference(const i16* coefficients, const JpegLayout* l, int n) {
  int mcu = n / l->an_mcu, k = n % l->an_mcu;
  i32 here = coefficients[carrier(l, mcu, k) * BLOCK_SIZE];
  if (0 < k && k < l->luma) return here - coefficients[carrier(l, mcu, k - 1) * BLOCK_SIZE];
  if (mcu == 0) return here;
  int last = k == 0 ? l->luma - 1 : k;
  return here - coefficients[carrier(l, mcu - 1, last) * BLOCK_SIZE];
}

__device__ __forceinline__ int bits_of(i32 value) { return WORD_BITS - __clz(abs(value)); }

__device__ __forceinline__ void share_codes(const JpegTables* tables, u32 shared[4][256]) {
  for (int row = 0; row < 4; row++) shared[row][threadIdx.x] = tables->codes[row][threadIdx.x];
  __syncthreads();
}

// How many bits each block takes: `within` gets those of its tile before it, `tiles` the tile's.
extern "C" __global__ void __launch_bounds__(CODED_BLOCKS)
    jpeg_sizes(const i16* __restrict__ coefficients, const u64* __restrict__ masks, int width,
               int height, int channels, int side, const JpegTables* __restrict__ tables,
               u32* __restrict__ within, u64* __restrict__ tiles) {
  __shared__ u32 codes[4][256];
  share_codes(tables, codes);
  JpegLayout l = jpeg_layout(width, height, channels, side);
  int n = blockIdx.x * CODED_BLOCKS + threadIdx.x;
  u32 bits = 0;
  if (n < l.blocks) {
    const i16* block = coefficients + (i64)n * BLOCK_SIZE;
    int dc = n % l.an_mcu < l.luma ? 0 : 2, size = bits_of(dc_difference(coefficients, &l, n));
    const u32* ac = codes[dc + 1];
    bits = (codes[dc][size] & 255) + size;
    u64 mask = masks[n] & ~1ull;
    int last = 0;
    for (; mask; mask &= mask - 1) {
      int k = __ffsll((i64)mask) - 1, zeros = k - last - 1;
      last = k;
      size = bits_of(block[k]);
      bits += zeros / LONGEST_ZEROS * (ac[ZEROS_16] & 255);
      bits += (ac[zeros % LONGEST_ZEROS << 4 | size] & 255) + size;
    }
    if (last < BLOCK_SIZE - 1) bits += ac[END_OF_BLOCK] & 255;
  }
  u64 total;
  u64 before = sum_before(bits, &total);
  if (n < l.blocks) within[n] = (u32)before;
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
    jpeg_write(const i16* __restrict__ coefficients, const u64* __restrict__ masks, int width,
               int height, int channels, int side, const JpegTables* __restrict__ tables,
               const u32* __restrict__ within, const u64* __restrict__ tiles, u32* words) {
  __shared__ u32 codes[4][256];
  share_codes(tables, codes);
  JpegLayout l = jpeg_layout(width, height, channels, side);
  int n = blockIdx.x * CODED_BLOCKS + threadIdx.x;
  if (n >= l.blocks) return;
  const i16* block = coefficients + (i64)n * BLOCK_SIZE;
  u64 start = tiles[blockIdx.x] + within[n];
  Writer out = {words + start / WORD_BITS, {0, (int)(start % WORD_BITS)}};
  int dc = n % l.an_mcu < l.luma ? 0 : 2;
  const u32* ac = codes[dc + 1];
  i32 value = dc_difference(coefficients, &l, n);
  put_value(&out, codes[dc][bits_of(value)], value, bits_of(value));
  u64 mask = masks[n] & ~1ull;
  int last = 0;
  for (; mask; mask &= mask - 1) {
    int k = __ffsll((i64)mask) - 1, zeros = k - last - 1;
    last = k;
    for (; zeros >= LONGEST_ZEROS; zeros -= LONGEST_ZEROS) put_value(&out, ac[ZEROS_16], 0, 0);
    value = block[k];
    int size = bits_of(value);
    put_value(&out, ac[zeros << 4 | size], value, size);
  }
  if (last < BLOCK_SIZE - 1) put_value(&out, ac[END_OF_BLOCK], 0, 0);
  int lacking = -out.held.count & 7;
  if (n == l.blocks - 1) put_bits(&out, (1u << lacking) - 1, lacking);
  if (out.held.count) atomicOr(out.word, in_file_order(rest_of(&out.held)));
}

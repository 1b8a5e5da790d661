// Second stage: blocks as quantised coefficients, and which of them are not zero. Twin of
// `kernels/jpeg/transform.py`, which says where the factors are from.
//
// Rule 1: eight threads take a block: a row each, then a column each.
// Rule 2: a block's coefficients lie in the order of the file; of a dummy nothing is used, its mask
// is 0.
#pragma once
#include "jpeg_samples.cuh"

#define LINE 9                         // 8 and one more: a row and a column meet each bank once
#define WORKED (BLOCK_SIDE * LINE)
#define QUANTISED (BLOCK_SIZE + 8)     // in shared memory: blocks begin in different banks
#define WORDS_A_BLOCK (BLOCK_SIZE / 4)  // of 64 bits

// Transforms eight values in place. Rows come first and leave 2 bits more than columns take.
__device__ __forceinline__ void transform(i32* v, bool first) {
  i32 a0 = v[0] + v[7], a1 = v[1] + v[6], a2 = v[2] + v[5], a3 = v[3] + v[4];
  i32 d0 = v[0] - v[7], d1 = v[1] - v[6], d2 = v[2] - v[5], d3 = v[3] - v[4];
  i32 s = a0 - a3, t = a1 - a2, sum = a0 + a3 + (a1 + a2), difference = a0 + a3 - (a1 + a2);
  int by = first ? 11 : 15;
  i32 half = 1 << (by - 1);
  v[0] = first ? sum * 4 : (sum + 2) >> 2;
  v[4] = first ? difference * 4 : (difference + 2) >> 2;
  v[2] = (10703 * s + 4433 * t + half) >> by;
  v[6] = (4433 * s - 10704 * t + half) >> by;
  v[1] = (11363 * d0 + 9633 * d1 + 6437 * d2 + 2260 * d3 + half) >> by;
  v[3] = (9633 * d0 - 2259 * d1 - 11362 * d2 - 6436 * d3 + half) >> by;
  v[5] = (6437 * d0 - 11362 * d1 + 2261 * d2 + 9633 * d3 + half) >> by;
  v[7] = (2260 * d0 - 6436 * d1 + 9633 * d2 - 11363 * d3 + half) >> by;
}

// Returns (|c| + d / 2) / d with the sign of c, by two products: exact for every coefficient.
__device__ __forceinline__ i32 quantised(i32 c, const u16 divisors[3][BLOCK_SIZE], int place) {
  u32 n = (u32)abs(c) + divisors[0][place];
  i32 quotient = (i32)((n * divisors[1][place] >> 16) * divisors[2][place] >> 16);
  return c < 0 ? -quotient : quotient;
}

// Whether a block of luma holds no sample of the page.
__device__ __forceinline__ bool is_dummy(const JpegLayout* l, int mcu, int k) {
  int y = mcu / l->across * l->side + k / l->side, x = mcu % l->across * l->side + k % l->side;
  return k < l->luma && (y >= l->luma_down || x >= l->luma_across);
}

// Quantises a column into the order of the file; returns the bits of its part of the mask.
__device__ __forceinline__ u64 store_column(const i32* v, int column, const JpegTables* tables,
                                            int component, i16* out) {
  u64 mask = 0;
  for (int k = 0; k < BLOCK_SIDE; k++) {
    int place = k * BLOCK_SIDE + column;
    i32 value = quantised(v[k], tables->divisors[component], place);
    int z = tables->zigzag[place];
    out[z] = (i16)value;
    mask |= (u64)(value != 0) << z;
  }
  return mask;
}

extern "C" __global__ void __launch_bounds__(TILE_THREADS)
    jpeg_coefficients(const u8* __restrict__ pixels, int width, int height, int channels, int pitch,
                      int side, const JpegTables* __restrict__ tables,
                      u64* __restrict__ coefficients, u64* __restrict__ masks) {
  __shared__ u8 samples[TILE_BLOCKS * BLOCK_SIZE];
  __shared__ i32 worked[TILE_BLOCKS * WORKED];
  __shared__ u64 finished[TILE_BLOCKS * QUANTISED / 4];
  JpegPage page = {pixels, width, height, channels, pitch};
  JpegLayout l = jpeg_layout(width, height, channels, side);
  int first = blockIdx.x * TILE_BLOCKS;
  fill_tile(&page, &l, first / l.an_mcu, samples);
  __syncthreads();

  int block = threadIdx.x / BLOCK_SIDE, line = threadIdx.x % BLOCK_SIDE;
  i32 v[BLOCK_SIDE];
  const u8* row = samples + block * BLOCK_SIZE + line * BLOCK_SIDE;
  i32* work = worked + block * WORKED;
  for (int k = 0; k < BLOCK_SIDE; k++) v[k] = row[k] - 128;
  transform(v, true);
  for (int k = 0; k < BLOCK_SIDE; k++) work[line * LINE + k] = v[k];
  __syncthreads();
  for (int k = 0; k < BLOCK_SIDE; k++) v[k] = work[k * LINE + line];
  transform(v, false);

  int n = first + block, k = n % l.an_mcu;
  u64 mask = store_column(v, line, tables, k >= l.luma, (i16*)finished + block * QUANTISED);
  for (int by = 1; by < BLOCK_SIDE; by *= 2) mask |= __shfl_xor_sync(EVERY_LANE, mask, by);
  if (line == 0 && n < l.blocks) masks[n] = is_dummy(&l, n / l.an_mcu, k) ? 0 : mask;
  __syncthreads();

  for (int i = threadIdx.x; i < TILE_BLOCKS * WORDS_A_BLOCK; i += TILE_THREADS) {
    int which = i / WORDS_A_BLOCK, word = i % WORDS_A_BLOCK;
    if (first + which >= l.blocks) break;
    coefficients[(i64)first * WORDS_A_BLOCK + i] = finished[which * (QUANTISED / 4) + word];
  }
}

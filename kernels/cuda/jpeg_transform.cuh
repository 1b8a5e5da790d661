// Second stage: blocks as quantised coefficients, and which of them are not zero. Twin of
// `kernels/jpeg/transform.py`, which says where the factors are from.
//
// Rule 1: eight threads of a warp take a block: a row each, then a column each, then eight
// coefficients in the order of the file.
// Rule 2: sixteen coefficients that are all zero are not written, but for the DC's: nobody reads
// them. Sixteen are 32 bytes, what memory moves at once: of less the rest would have to be read.
// Rule 3: a dummy has the coefficients of the block whose DC it repeats, and a mask of 0.
#pragma once
#include "jpeg_samples.cuh"

#define LINES (BLOCK_SIDE + 1)  // of eight numbers; one more, so that blocks begin in other banks

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

// Transforms a row of eight samples, and returns its numbers: each has 16 bits.
__device__ __forceinline__ uint4 transformed_row(const u32* samples) {
  i32 v[BLOCK_SIDE];
#pragma unroll
  for (int k = 0; k < BLOCK_SIDE; k++) v[k] = samples[k / 4] >> (k % 4 * 8) & 255;
  transform(v, true);
  v[0] -= 4 * BLOCK_SIDE * 128;  // a sample counts from 128, which only their sum can tell
  return {__byte_perm(v[0], v[1], 0x5410), __byte_perm(v[2], v[3], 0x5410),
          __byte_perm(v[4], v[5], 0x5410), __byte_perm(v[6], v[7], 0x5410)};
}

// Returns (|c| + d / 2) / d with the sign of c, as a product. Its error is less than what lies
// between quotients, and away from zero, which is where a half has to go.
__device__ __forceinline__ i32 quantised(i32 c, u32 reciprocal) {
  return (i32)(((i64)c * (i32)reciprocal + (1ll << 31)) >> 32);
}

// Transforms a column and puts its coefficients where the file has them.
__device__ __forceinline__ void finish_column(const i16* column, const uint2* quantisers,
                                              u8* out) {
  i32 v[BLOCK_SIDE];
#pragma unroll
  for (int k = 0; k < BLOCK_SIDE; k++) v[k] = column[k * BLOCK_SIDE];
  transform(v, false);
#pragma unroll
  for (int k = 0; k < BLOCK_SIDE; k++) {
    uint2 by = quantisers[k * BLOCK_SIDE];
    *(i16*)(out + by.y) = (i16)quantised(v[k], by.x);
  }
}

// Returns which of two coefficients are not zero, in bits 15 and 31: there a carry comes from any
// bit below, and none is -32768.
__device__ __forceinline__ u32 not_zero(u32 pair) {
  return ((pair & 0x7FFF7FFF) + 0x7FFF7FFF) & 0x80008000;
}

// Returns which of eight numbers of 16 bits are not zero, the first in the lowest bit.
__device__ __forceinline__ u32 mask_of(uint4 eight) {
  u32 pairs = not_zero(eight.x) >> 6 | not_zero(eight.y) >> 4 | not_zero(eight.z) >> 2 |
              not_zero(eight.w);
  return (pairs >> 9 & 0x55) | (pairs >> 24 & 0xAA);
}

// Returns the block of its MCU whose coefficients block k has: its own, but a dummy, which holds no
// sample of the page, those of the last one before it that does.
__device__ __forceinline__ int carrier(const JpegPage* page, int x, int y, int k) {
  bool has_lower = y + BLOCK_SIDE < page->height, has_right = x + BLOCK_SIDE < page->width;
  bool lower = k >= 2 && has_lower;
  bool right = has_right && (k & 1 || (k >= 2 && !has_lower));
  return 2 * lower + right;
}

// Where a tile is worked, in shared memory.
struct Tile {
  u64 samples[TILE_BLOCKS * SAMPLES / 8];
  uint4 rows[TILE_BLOCKS * LINES];
  uint4 finished[TILE_BLOCKS * LINES];
};

__device__ __forceinline__ void work_tile(const JpegPage* page, int side, int channels,
                                          const JpegTables* tables, Tile* tile,
                                          uint4* coefficients, u8* masks) {
  int an_mcu = blocks_an_mcu(side, channels), luma = side * side, step = side * BLOCK_SIDE;
  int mcus = TILE_BLOCKS / an_mcu, across = (page->width + step - 1) / step;
  int block = threadIdx.x / BLOCK_SIDE, line = threadIdx.x % BLOCK_SIDE, k = block % an_mcu;
  int mcu = blockIdx.x * mcus + block / an_mcu, x = mcu * step, y = blockIdx.y * step;

  u32 samples[2];
  if (channels == 1) {
    read_gray(page, x, min(y + line, page->height - 1), samples);
  } else {
    fill_tile(page, side, blockIdx.x * mcus * step, y, (u8*)tile->samples);
    __syncthreads();
    u64 row = tile->samples[block * (SAMPLES / 8) + line];
    samples[0] = (u32)row;
    samples[1] = (u32)(row >> 32);
  }
  tile->rows[block * LINES + line] = transformed_row(samples);
  __syncwarp();
  finish_column((const i16*)(tile->rows + block * LINES) + line,
                tables->quantisers[k >= luma] + line, (u8*)(tile->finished + block * LINES));
  int from = k;
  if (side == 1) {
    __syncwarp();
  } else {
    __syncthreads();  // an MCU is not in one warp
    if (k < luma) from = carrier(page, x, y, k);
  }
  uint4 eight = tile->finished[(block - k + from) * LINES + line];
  u32 mask = mask_of(eight), of_sixteen = mask | __shfl_xor_sync(EVERY_LANE, mask, 1);
  if (mcu >= across) return;
  i64 n = (int)(blockIdx.y * across + mcu) * an_mcu + k;
  masks[n * BLOCK_SIDE + line] = from == k ? (u8)mask : 0;
  if (of_sixteen || line < 2) coefficients[n * BLOCK_SIDE + line] = eight;
}

// A block of threads takes a tile; those of a row of MCUs lie along x. A mask is made by eight
// threads, a byte each, the lowest first.
extern "C" __global__ void __launch_bounds__(TILE_THREADS)
    jpeg_coefficients(const u8* __restrict__ pixels, int width, int height, int channels, int pitch,
                      int side, const JpegTables* __restrict__ tables,
                      uint4* __restrict__ coefficients, u8* __restrict__ masks) {
  __shared__ Tile tile;
  JpegPage page = {pixels, width, height, pitch};
  if (channels == 1) {
    work_tile(&page, 1, 1, tables, &tile, coefficients, masks);
  } else if (side == 1) {
    work_tile(&page, 1, 3, tables, &tile, coefficients, masks);
  } else {
    work_tile(&page, 2, 3, tables, &tile, coefficients, masks);
  }
}

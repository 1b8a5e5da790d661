// Strips of ink made ready for the skew: streaks of dirt out of the columns, lines pooled. Twin of
// `kernels/skew/streaks.py` and of the laying out in `kernels/skew/shears.py`.
#pragma once
#include "types.cuh"

#define STREAK_REACH 8    // the most columns aside at which a streak must be gone
#define STREAK_HALF_PX 3  // so many columns on either side of a streak's are filled with it
#define STREAK_GROUPS 8
#define STREAK_SPAN (WARP + 2 * STREAK_REACH)

typedef i32 InkedColumns[STREAK_GROUPS][STREAK_SPAN];

__device__ __forceinline__ i32 strips_inked(const InkedColumns& inked, int column) {
  i32 sum = 0;
  for (int group = 0; group < STREAK_GROUPS; group++) sum += inked[group][column];
  return sum;
}

// Copy the columns, and say which are streaks: a bit each. A block has 32 columns and looks at
// eight more on either side; each of its rows of threads counts every eighth strip.
extern "C" __global__ void __launch_bounds__(384)
    skew_streaks(const u16* __restrict__ columns, int count, int lines,
                 const i32* __restrict__ levels, int strip_px, int width, u16* __restrict__ clean,
                 u32* __restrict__ dirty) {
  __shared__ InkedColumns inked;
  i32 least = strip_px * levels[2] / 16;
  int lane = threadIdx.x, x = WARP * blockIdx.x + lane - STREAK_REACH;
  i32 sum = 0;
  if (x >= 0 && x < lines) {
    bool mine = lane >= STREAK_REACH && lane < STREAK_REACH + WARP;
    for (int k = threadIdx.y; k < count; k += STREAK_GROUPS) {
      u16 ink = columns[(i64)k * lines + x];
      sum += ink >= least;
      if (mine) clean[(i64)k * lines + x] = ink;
    }
  }
  inked[threadIdx.y][lane] = sum;
  __syncthreads();
  if (threadIdx.y || lane >= WARP) return;  // the first warp goes on
  x = WARP * blockIdx.x + lane;
  i32 here = strips_inked(inked, lane + STREAK_REACH);
  i32 left = strips_inked(inked, lane + STREAK_REACH - width);
  i32 right = strips_inked(inked, lane + STREAK_REACH + width);
  bool inner = x >= width && x < lines - width;
  u32 bits = __ballot_sync(EVERY_LANE,
                           inner && 2 * here > count && 3 * left < here && 3 * right < here);
  if (!lane) dirty[blockIdx.x] = bits;
}

// One thread, from left to right: what fills a streak may itself have been filled before.
__device__ __forceinline__ void fill_streaks(u16* strip, const u32* dirty, int words, int width) {
  for (int word = 0; word < words; word++) {
    u32 bits = dirty[word];
    for (int bit = 0; bit < WARP; bit++) {
      if (!(bits >> bit & 1)) continue;
      int x = WARP * word + bit;
      u32 mean = ((u32)strip[x - width] + strip[x + width]) >> 1;
      for (int near = x - STREAK_HALF_PX; near <= x + STREAK_HALF_PX; near++) {
        if (strip[near] > mean) strip[near] = (u16)mean;
      }
    }
  }
}

// Pool the lines of one strip a block: those of the rows first, then those of the columns, out of
// which the streaks are taken before. `small` gets the means of `by` lines each.
extern "C" __global__ void __launch_bounds__(256)
    skew_pool(const u16* __restrict__ rows, int row_count, int row_lines, u16* columns,
              int column_lines, const u32* __restrict__ dirty, int width, int by,
              u16* __restrict__ small_rows, u16* __restrict__ small_columns) {
  __shared__ u32 any;
  bool is_column = (int)blockIdx.x >= row_count;  // the same for all of a block
  int k = is_column ? blockIdx.x - row_count : blockIdx.x;
  int lines = is_column ? column_lines : row_lines, pooled = lines / by;
  if (is_column) {
    int words = (lines + WARP - 1) / WARP;
    if (!threadIdx.x) any = 0;
    __syncthreads();
    for (int word = threadIdx.x; word < words; word += blockDim.x) {
      if (dirty[word]) atomicOr(&any, 1u);
    }
    __syncthreads();
    if (!threadIdx.x && any) fill_streaks(columns + (i64)k * lines, dirty, words, width);
    __syncthreads();
  }
  const u16* strip = (is_column ? columns : rows) + (i64)k * lines;
  u16* small = (is_column ? small_columns : small_rows) + (i64)k * pooled;
  for (int y = threadIdx.x; y < pooled; y += blockDim.x) {
    u32 sum = 0;
    for (int i = 0; i < by; i++) sum += strip[y * by + i];
    small[y] = (u16)(sum / (u32)by);
  }
}

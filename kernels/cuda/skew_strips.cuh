// Strips of ink made ready for the skew: streaks of dirt out of the columns, lines pooled. Twin of
// `kernels/skew/streaks.py` and of the laying out in `kernels/skew/shears.py`.
#pragma once
#include "types.cuh"

#define STREAK_REACH 8    // the most columns aside at which a streak must be gone
#define STREAK_HALF_PX 3  // so many columns on either side of a streak's are filled with it
#define STREAK_GROUPS 16
#define STREAKS_AT_ONCE 8  // so many strips are asked for before the first of them is waited for
#define STREAK_SPAN (WARP + 2 * STREAK_REACH)

typedef i32 InkedColumns[STREAK_GROUPS][STREAK_SPAN];

__device__ __forceinline__ i32 strips_inked(const InkedColumns& inked, int column) {
  i32 sum = 0;
  for (int group = 0; group < STREAK_GROUPS; group++) sum += inked[group][column];
  return sum;
}

// Copy the columns, and say which are streaks: a bit each. A block has 32 columns and looks at
// eight more on either side; each of its rows of threads counts every 16th strip.
extern "C" __global__ void __launch_bounds__(768)
    skew_streaks(const u16* __restrict__ columns, int count, int lines,
                 const i32* __restrict__ levels, int strip_px, int width, u16* __restrict__ clean,
                 u32* __restrict__ dirty) {
  __shared__ InkedColumns inked;
  i32 least = strip_px * levels[2] / 16;
  int lane = threadIdx.x, x = WARP * blockIdx.x + lane - STREAK_REACH;
  bool mine = lane >= STREAK_REACH && lane < STREAK_REACH + WARP;
  int end = x >= 0 && x < lines ? count : 0;
  i32 sum = 0;
  for (int first = threadIdx.y; first < end; first += STREAK_GROUPS * STREAKS_AT_ONCE) {
    u16 ink[STREAKS_AT_ONCE];
#pragma unroll
    for (int i = 0; i < STREAKS_AT_ONCE; i++) {
      int k = first + STREAK_GROUPS * i;
      ink[i] = k < end ? columns[(i64)k * lines + x] : 0;
    }
#pragma unroll
    for (int i = 0; i < STREAKS_AT_ONCE; i++) {
      int k = first + STREAK_GROUPS * i;
      if (k >= end) break;
      sum += ink[i] >= least;
      if (mine) clean[(i64)k * lines + x] = ink[i];
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
    for (u32 bits = dirty[word]; bits; bits &= bits - 1) {
      int x = WARP * word + __ffs(bits) - 1;
      u32 mean = ((u32)strip[x - width] + strip[x + width]) >> 1;
      for (int near = x - STREAK_HALF_PX; near <= x + STREAK_HALF_PX; near++) {
        if (strip[near] > mean) strip[near] = (u16)mean;
      }
    }
  }
}

#define MOST_POOLED 4

// Pool the lines of one strip a block: those of the rows first, then those of the columns, out of
// which the streaks are taken before. `small` gets the means of `by` lines each, 2 or 4. And make
// so many `zeros` for the energies to be added to. Neither `rows` nor `columns` is __restrict__:
// what is read may have been filled here, and must not come by way of the read-only cache.
extern "C" __global__ void __launch_bounds__(1024)
    skew_pool(const u16* rows, int row_count, int row_lines, u16* columns, int column_lines,
              const u32* __restrict__ dirty, int width, int by, u16* __restrict__ small_rows,
              u16* __restrict__ small_columns, u64* __restrict__ energies, int zeros) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < zeros; i += gridDim.x * blockDim.x) {
    energies[i] = 0;
  }
  bool is_column = (int)blockIdx.x >= row_count;  // the same for all of a block
  int k = is_column ? blockIdx.x - row_count : blockIdx.x;
  int lines = is_column ? column_lines : row_lines, pooled = lines / by;
  if (is_column) {
    int words = (lines + WARP - 1) / WARP;
    u32 any = 0;
    for (int word = threadIdx.x; word < words; word += blockDim.x) any |= dirty[word];
    if (__syncthreads_or(any)) {
      if (!threadIdx.x) fill_streaks(columns + (i64)k * lines, dirty, words, width);
      __syncthreads();
    }
  }
  const u16* strip = (is_column ? columns : rows) + (i64)k * lines;
  u16* small = (is_column ? small_columns : small_rows) + (i64)k * pooled;
  for (int y = threadIdx.x; y < pooled; y += blockDim.x) {
    u32 sum = 0;
#pragma unroll
    for (int i = 0; i < MOST_POOLED; i++) sum += i < by ? strip[y * by + i] : 0;
    small[y] = (u16)(by == MOST_POOLED ? sum / MOST_POOLED : sum / 2);
  }
}

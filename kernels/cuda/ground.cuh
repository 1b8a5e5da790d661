// The local level of the paper under a plane, and what is darker than it. Twin of
// `kernels/blank/ground.py`, which has the definitions.
//
// Rule 1: the level of the page is found where it is needed, from counts: nobody waits for it.
#pragma once
#include "counts.cuh"

#define GROUND_CELL 32
#define GROUND_WARPS 8
#define LEVEL_BELOW 40
#define LEVEL_ABOVE 12
#define RING 2
#define NOISE_LIMIT 16
#define NOISE_SCALE 321  // 1.2533 * 256: mean absolute deviation to standard deviation
#define LEAST_NOISE 192
#define NOISE_LEVELS 4816  // up to (NOISE_LIMIT - 1) * NOISE_SCALE
#define NOISE_SHARE 19  // of 256 threads, 19 levels each
#define COUNT_BITS 12
#define BEYOND 256  // darker than no level

// What is counted of a page before it is known, and what is known then.
struct GroundCounts {
  u32 cells[LEVELS], noise[NOISE_LEVELS];
};
struct GroundLevels {
  i32 paper, noise;
};

// The largest level that fewer than half of the samples are below, from the highest bit down: this
// is the lower median. A lane has those of one column, `size` is how many they are in all lanes.
__device__ __forceinline__ int median_of_warp(const int* samples, int size) {
  int median = 0;
  for (int bit = LEVELS / 2; bit; bit >>= 1) {
    int darker = 0;
    for (int k = 0; k < GROUND_CELL / 2; k++) darker += samples[k] < median + bit;
    for (int reach = WARP / 2; reach; reach >>= 1) {
      darker += __shfl_xor_sync(EVERY_LANE, darker, reach);
    }
    if (2 * darker < size) median += bit;
  }
  return median;
}

// A warp takes a cell of 32 x 32 samples: the median of every other row. Medians in the middle of
// the page are counted.
extern "C" __global__ void __launch_bounds__(256)
    ground_medians(const u8* __restrict__ plane, int height, int width, int rows, int columns,
                   u8* medians, GroundCounts* counts) {
  int lane = threadIdx.x, row = blockIdx.y, column = blockIdx.x * GROUND_WARPS + threadIdx.y;
  if (column >= columns) return;
  int x = column * GROUND_CELL + lane, top = row * GROUND_CELL;
  int samples[GROUND_CELL / 2];
  for (int k = 0; k < GROUND_CELL / 2; k++) {
    int y = top + 2 * k;
    samples[k] = x < width && y < height ? plane[(i64)y * width + x] : BEYOND;
  }
  int lines = (min(GROUND_CELL, height - top) + 1) / 2;
  int median = median_of_warp(samples, lines * min(GROUND_CELL, width - column * GROUND_CELL));
  if (lane) return;
  medians[(i64)row * columns + column] = median;
  bool middle = row >= rows / 10 && row < rows - rows / 10 && column >= columns / 10 &&
                column < columns - columns / 10;
  if (middle) atomicAdd(&counts->cells[median], 1u);
}

// Beyond the border lies what is inside of it, mirrored.
__device__ __forceinline__ int mirrored(int i, int size) {
  return i < 0 ? -i : i < size ? i : 2 * (size - 1) - i;
}

// The outermost cells, in which a bed may show, count as paper where they are too light for it.
__device__ __forceinline__ int vouched(const u8* medians, int rows, int columns, int row,
                                       int column, int paper) {
  int level = medians[(i64)row * columns + column];
  bool outermost =
      row < RING || column < RING || row >= rows - RING || column >= columns - RING;
  return outermost && level > paper + LEVEL_ABOVE ? paper : level;
}

// The median over five by five cells: the largest level that at most twelve of them are below.
__device__ __forceinline__ int cleaned(const u8* medians, int rows, int columns, int row,
                                       int column, int paper) {
  int around[25];
  for (int k = 0; k < 25; k++) {
    int y = mirrored(row + k / 5 - RING, rows), x = mirrored(column + k % 5 - RING, columns);
    around[k] = vouched(medians, rows, columns, y, x, paper);
  }
  int median = 0;
  for (int bit = LEVELS / 2; bit; bit >>= 1) {
    int darker = 0;
    for (int k = 0; k < 25; k++) darker += around[k] < median + bit;
    if (darker <= 12) median += bit;
  }
  return median;
}

// A thread each cell: its level cleaned by its neighbours and held near the level of the page.
extern "C" __global__ void __launch_bounds__(256)
    ground_hold(const u8* __restrict__ medians, int rows, int columns,
                const GroundCounts* __restrict__ counts, u8* held, GroundLevels* levels) {
  __shared__ int found;
  int paper = level_of_the_page(counts->cells[threadIdx.x], &found);
  if (blockIdx.x == 0 && threadIdx.x == 0) levels->paper = paper;
  i64 cell = (i64)blockIdx.x * LEVELS + threadIdx.x;
  if (cell >= (i64)rows * columns) return;
  int row = (int)(cell / columns), column = (int)(cell % columns), level = medians[cell];
  if (min(rows, columns) >= 5) level = cleaned(medians, rows, columns, row, column, paper);
  held[cell] = min(max(level, paper - LEVEL_BELOW), paper + LEVEL_ABOVE);
}

// The level of a column of cells at a height between two rows of them, in eighths.
__device__ __forceinline__ int between_rows(const u8* held, int rows, int columns, int column,
                                            int y) {
  int above = max(y - GROUND_CELL / 2, 0), row = min(above / GROUND_CELL, rows - 1);
  int down = above % GROUND_CELL, below = min(row + 1, rows - 1);
  return (held[(i64)row * columns + column] * (GROUND_CELL - down) +
          held[(i64)below * columns + column] * down + 2) >> 2;
}

// A block takes what lies between the centres of two columns of cells, 32 x 32 samples, a warp four
// of its rows: ink is how much darker they are than the paper, whose level is interpolated. If no
// column of them is beyond the page, the mean of their small deviations counts for its noise.
extern "C" __global__ void __launch_bounds__(256)
    ground_ink(const u8* __restrict__ plane, int height, int width, const u8* __restrict__ held,
               int rows, int columns, u8* ink, GroundCounts* counts) {
  __shared__ u32 of_warp[GROUND_WARPS];
  int lane = threadIdx.x, start = (int)blockIdx.x * GROUND_CELL - GROUND_CELL / 2, x = start + lane;
  int left = max((int)blockIdx.x - 1, 0), right = min((int)blockIdx.x, columns - 1);
  u32 small = 0;  // the sum of small deviations, and below COUNT_BITS how many they are
  for (int line = threadIdx.y; line < GROUND_CELL; line += GROUND_WARPS) {
    int y = blockIdx.y * GROUND_CELL + line;
    if (x < 0 || x >= width || y >= height) continue;
    int from = between_rows(held, rows, columns, left, y);
    int to = between_rows(held, rows, columns, right, y);
    int level = (from * GROUND_CELL + lane * (to - from) + 128) >> 8;
    int darker = level - plane[(i64)y * width + x];
    ink[(i64)y * width + x] = max(darker, 0);
    int off = darker < 0 ? -darker : darker;
    if (off < NOISE_LIMIT) small += (off << COUNT_BITS) + 1;
  }
  for (int reach = WARP / 2; reach; reach >>= 1) {
    small += __shfl_xor_sync(EVERY_LANE, small, reach);
  }
  if (lane == 0) of_warp[threadIdx.y] = small;
  __syncthreads();
  bool whole = start >= 0 && start + GROUND_CELL <= width;
  if (lane || threadIdx.y || !whole) return;
  small = 0;
  for (int warp = 0; warp < GROUND_WARPS; warp++) small += of_warp[warp];
  u32 sum = small >> COUNT_BITS, count = small & ((1u << COUNT_BITS) - 1);
  if (count) atomicAdd(&counts->noise[sum * NOISE_SCALE / count], 1u);
}

// One block: the noise of the calmer quarter of the cells.
extern "C" __global__ void __launch_bounds__(256)
    ground_noise(const GroundCounts* __restrict__ counts, GroundLevels* levels) {
  int first = threadIdx.x * NOISE_SHARE, end = min(first + NOISE_SHARE, NOISE_LEVELS);
  u32 own = 0;
  for (int level = first; level < end; level++) own += counts->noise[level];
  u64 all, passed = sum_before(own, &all), place = all / 4;
  if (all == 0 && threadIdx.x == 0) levels->noise = LEAST_NOISE;
  if (place < passed || place >= passed + own) return;
  int level = first;
  while (passed + counts->noise[level] <= place) passed += counts->noise[level++];
  levels->noise = max(level, LEAST_NOISE);
}

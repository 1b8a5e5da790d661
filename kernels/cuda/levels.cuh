// How dark ink is and how light paper, from a sample of the page. Twin of `kernels/levels.py`,
// which has the definition.
//
// Rule 1: splits are compared as fractions, exactly: distance^2 has 124 bits, a size 52.
#pragma once
#include "counts.cuh"

#define SAMPLE_STEP 8
#define SAMPLES_A_THREAD 8
#define INK_CLAMP 96
#define LEAST_CLAMP 8
#define NO_SPLIT 128
#define LOW_HALF 0xFFFFFFFFull

struct PageLevels {
  i32 threshold, paper, ink_clamp;
};

__device__ __forceinline__ u32 luma_of(u32 b, u32 g, u32 r) {
  return (19595u * r + 38470u * g + 7471u * b + 32768u) >> 16;
}

// Counts every 8th pixel of every 8th row, `across` of `samples` in a row. Each warp has counts of
// its own: neighbours are mostly of one level, and would wait for each other.
extern "C" __global__ void __launch_bounds__(256)
    count_levels(const u8* __restrict__ page, int channels, int pitch, int left, int top,
                 int across, int samples, u32* counts) {
  __shared__ u32 own[LEVELS / WARP][LEVELS];
  for (int warp = 0; warp < LEVELS / WARP; warp++) own[warp][threadIdx.x] = 0;
  __syncthreads();
  i64 first = (i64)blockIdx.x * LEVELS * SAMPLES_A_THREAD + threadIdx.x;
  for (int k = 0; k < SAMPLES_A_THREAD; k++) {
    i64 sample = first + k * LEVELS;
    if (sample >= samples) break;
    int y = top + (int)(sample / across) * SAMPLE_STEP;
    int x = left + (int)(sample % across) * SAMPLE_STEP;
    const u8* p = page + (i64)y * pitch + (i64)x * channels;
    u32 level = channels == 1 ? p[0] : luma_of(p[0], p[1], p[2]);
    atomicAdd(&own[threadIdx.x / WARP][level], 1u);
  }
  __syncthreads();
  u32 count = 0;
  for (int warp = 0; warp < LEVELS / WARP; warp++) count += own[warp][threadIdx.x];
  if (count) atomicAdd(&counts[threadIdx.x], count);
}

// Returns the upper half of a product.
__device__ __forceinline__ u64 upper_half(u64 a, u64 b) {
  u64 one = (a >> 32) * (b & LOW_HALF) + ((a & LOW_HALF) * (b & LOW_HALF) >> 32);
  u64 other = (a & LOW_HALF) * (b >> 32) + (one & LOW_HALF);
  return (a >> 32) * (b >> 32) + (one >> 32) + (other >> 32);
}

// 192 bits: distance^2 times the size of another split.
struct Product {
  u64 high, middle, low;
};

__device__ __forceinline__ Product square_times(u64 distance, u64 size) {
  u64 low = distance * distance, high = upper_half(distance, distance);
  u64 carried = upper_half(low, size), middle = high * size + carried;
  return {upper_half(high, size) + (middle < carried), middle, low * size};
}

// Between ink and paper, after each level: the variance of a split is distance^2 / size.
struct Split {
  u64 distance, size;
  i32 level;
};

// Whether one split comes before another: the larger variance, of equal ones the lower level.
__device__ __forceinline__ bool is_better(const Split& one, const Split& other) {
  Product a = square_times(one.distance, other.size), b = square_times(other.distance, one.size);
  if (a.high != b.high) return a.high > b.high;
  if (a.middle != b.middle) return a.middle > b.middle;
  if (a.low != b.low) return a.low > b.low;
  return one.level < other.level;
}

// Otsu's threshold. All sums fit: at most 2^26 samples, so 2^34 in sum and 2^60 in a distance.
__device__ __forceinline__ int otsu_of(u32 count, Split* splits) {
  int level = threadIdx.x;
  u64 total, below = count + sum_before(count, &total), own = (u64)count * level;
  u64 weighted, below_weighted = own + sum_before(own, &weighted);
  // What lies above weighs more than what lies below: no distance is negative.
  bool splits_them = count && below < total;
  u64 distance = splits_them ? below * weighted - total * below_weighted : 0;
  splits[level] = {distance, splits_them ? below * (total - below) : 1, level};
  for (int reach = LEVELS / 2; reach; reach >>= 1) {
    __syncthreads();
    if (level < reach && is_better(splits[level + reach], splits[level])) {
      splits[level] = splits[level + reach];
    }
  }
  __syncthreads();
  return splits[0].distance ? splits[0].level : NO_SPLIT;
}

// One block of 256 threads, a level each.
extern "C" __global__ void __launch_bounds__(256)
    levels_of(const u32* __restrict__ counts, PageLevels* levels) {
  __shared__ Split splits[LEVELS];
  __shared__ int paper;
  int level = threadIdx.x;
  u32 count = counts[level];
  int otsu = otsu_of(count, splits);
  if (level == 0) paper = LEVELS - 1;
  u32 lighter = level > otsu ? count : 0;
  u64 all, passed = lighter + sum_before(lighter, &all);
  if (lighter && 2 * passed >= all && 2 * (passed - lighter) < all) paper = level;
  __syncthreads();
  if (level) return;
  i32 threshold = min(otsu + (paper - otsu) / 4, paper * 3 / 4);
  *levels = {threshold, paper, min(INK_CLAMP, max(threshold / 2, LEAST_CLAMP))};
}

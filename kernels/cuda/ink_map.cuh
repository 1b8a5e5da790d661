// The page reduced to its darkest balanced channel. Twin of `kernels/blank/ink.py`, which has the
// definitions; the ink is what `ground.cuh` makes of it.
#pragma once
#include "counts.cuh"

#define CHANNELS 3
#define SAMPLE_PX 16
#define LARGEST_GAIN 512

struct InkCounts {
  u32 white[CHANNELS][LEVELS], spread[LEVELS];
};
struct InkLevels {
  i32 gains[CHANNELS], tint, paper_spread;
};

// The mean of a square of samples, `step` apart; halves are rounded up.
__device__ __forceinline__ u32 mean_of(const u8* p, int pitch, int step, int factor) {
  u32 total = 0, size = factor * factor;
  for (int y = 0; y < factor; y++) {
    for (int x = 0; x < factor; x++) total += p[(i64)y * pitch + x * step];
  }
  return (total + size / 2) / size;
}

// Whether it is one of every 16, and in the middle of those: a tenth from each side is not.
__device__ __forceinline__ bool is_sampled(int at, int size) {
  int samples = (size + SAMPLE_PX - 1) / SAMPLE_PX, sample = at / SAMPLE_PX;
  return at % SAMPLE_PX == 0 && sample >= samples / 10 && sample < samples - samples / 10;
}

// Counts the levels of each channel in the middle of the page: `samples` of the map, `across` in a
// row, from the sample in row `top` and column `left` on.
extern "C" __global__ void __launch_bounds__(256)
    count_white(const u8* __restrict__ page, int pitch, int factor, int left, int top, int across,
                int samples, InkCounts* counts) {
  __shared__ u32 own[CHANNELS][LEVELS];
  int i = threadIdx.x;
  for (int k = 0; k < CHANNELS; k++) own[k][i] = 0;
  __syncthreads();
  i64 sample = (i64)blockIdx.x * LEVELS + i;
  if (sample < samples) {
    i64 y = (i64)(top + sample / across) * SAMPLE_PX * factor;
    i64 x = (i64)(left + sample % across) * SAMPLE_PX * factor;
    const u8* p = page + y * pitch + x * CHANNELS;
    for (int k = 0; k < CHANNELS; k++) {
      atomicAdd(&own[k][mean_of(p + k, pitch, CHANNELS, factor)], 1u);
    }
  }
  __syncthreads();
  for (int k = 0; k < CHANNELS; k++) {
    if (own[k][i]) atomicAdd(&counts->white[k][i], own[k][i]);
  }
}

// One block: what to multiply each channel by, in 256ths, so that the paper is neutral.
extern "C" __global__ void __launch_bounds__(256)
    ink_gains(const InkCounts* __restrict__ counts, InkLevels* levels) {
  __shared__ int found;
  i32 white[CHANNELS];
  for (int k = 0; k < CHANNELS; k++) {
    white[k] = level_of_the_page(counts->white[k][threadIdx.x], &found);
  }
  if (threadIdx.x) return;
  i32 lightest = max(max(white[0], white[1]), white[2]);
  for (int k = 0; k < CHANNELS; k++) {
    levels->gains[k] = min(max(lightest, 1) * 256 / max(white[k], 1), LARGEST_GAIN);
  }
  levels->tint = lightest - min(min(white[0], white[1]), white[2]);
}

// A thread each pixel of the map. Of a gray page there is no `spread`: none is written.
extern "C" __global__ void __launch_bounds__(256)
    reduce_page(const u8* __restrict__ page, int channels, int pitch, int factor,
                const InkLevels* __restrict__ levels, int height, int width, u8* dark, u8* spread,
                InkCounts* counts) {
  int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= width || y >= height) return;
  const u8* p = page + (i64)y * factor * pitch + (i64)x * factor * channels;
  i64 at = (i64)y * width + x;
  if (channels == 1) {
    dark[at] = mean_of(p, pitch, 1, factor);
    return;
  }
  u32 low = 255, high = 0;
  for (int k = 0; k < CHANNELS; k++) {
    u32 level = (mean_of(p + k, pitch, CHANNELS, factor) * levels->gains[k] + 128) >> 8;
    low = min(low, level);
    high = max(high, min(level, 255u));
  }
  dark[at] = low;
  spread[at] = high - low;
  if (is_sampled(y, height) && is_sampled(x, width)) atomicAdd(&counts->spread[high - low], 1u);
}

// One block: the colour of the paper as a whole.
extern "C" __global__ void __launch_bounds__(256)
    ink_spread(const InkCounts* __restrict__ counts, InkLevels* levels) {
  __shared__ int found;
  int spread = level_of_the_page(counts->spread[threadIdx.x], &found);
  if (threadIdx.x == 0) levels->paper_spread = spread;
}

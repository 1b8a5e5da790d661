// Sums of all that comes before: where each piece of a file begins, once all lengths are known.
//
// Rule 1: called by all threads of a block of one dimension, of whole warps.
// Rule 2: offsets count in 64 bits: the scan of a large page may have more than 2^32.
#pragma once
#include "types.cuh"

// Returns the sum of the values of the threads before this one; `total` becomes that of all.
__device__ __forceinline__ u64 sum_before(u64 value, u64* total) {
  __shared__ u64 of_warps[WARP];
  int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
  u64 upto = value;
  for (int reach = 1; reach < WARP; reach *= 2) {
    u64 before = __shfl_up_sync(EVERY_LANE, upto, reach);
    if (lane >= reach) upto += before;
  }
  if (lane == WARP - 1) of_warps[warp] = upto;
  __syncthreads();
  u64 before = 0, all = 0;
  for (int k = 0; k < warps; k++) {
    if (k == warp) before = all;
    all += of_warps[k];
  }
  __syncthreads();
  *total = all;
  return before + upto - value;
}

// Replaces each value by the sum of those before it; returns the sum of all.
__device__ __forceinline__ u64 sums_before(u64* values, i64 count) {
  u64 passed = 0;
  for (i64 first = 0; first < count; first += blockDim.x) {
    i64 i = first + threadIdx.x;
    u64 value = i < count ? values[i] : 0, total;
    u64 before = sum_before(value, &total);
    if (i < count) values[i] = passed + before;
    passed += total;
  }
  return passed;
}

// One block, however many values: what they are sums of was added up beside, a tile a block.
extern "C" __global__ void __launch_bounds__(1024)
    exclusive_sum(u64* __restrict__ values, int count, u64* __restrict__ total) {
  u64 sum = sums_before(values, count);
  if (threadIdx.x == 0) *total = sum;
}

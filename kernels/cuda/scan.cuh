// Sums of all that comes before: where each piece of a file begins, once all lengths are known.
//
// Rule 1: called by all threads of a block of one dimension, of whole warps.
// Rule 2: offsets count in 64 bits: the scan of a large page may have more than 2^32.
#pragma once
#include "types.cuh"

// Returns the sum of a lane's value and those of the lanes before it.
__device__ __forceinline__ u64 sum_upto(u64 value, int lane) {
  for (int reach = 1; reach < WARP; reach *= 2) {
    u64 before = __shfl_up_sync(EVERY_LANE, value, reach);
    if (lane >= reach) value += before;
  }
  return value;
}

// Returns the sum of the values of the threads before this one; `total` becomes that of all. The
// sums of the warps are added up by each warp for itself.
__device__ __forceinline__ u64 sum_before(u64 value, u64* total) {
  __shared__ u64 of_warps[WARP];
  int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
  u64 upto = sum_upto(value, lane);
  if (lane == WARP - 1) of_warps[warp] = upto;
  __syncthreads();
  u64 own = lane < warps ? of_warps[lane] : 0, all = sum_upto(own, lane);
  *total = __shfl_sync(EVERY_LANE, all, WARP - 1);
  u64 before = __shfl_sync(EVERY_LANE, all - own, warp);
  __syncthreads();
  return before + upto - value;
}

// Replaces each value by the sum of those before it; returns the sum of all. A thread takes some
// that lie side by side, so that the block adds up once.
__device__ __forceinline__ u64 sums_before(u64* values, i64 count) {
  i64 each = (count + blockDim.x - 1) / blockDim.x;
  i64 first = each * threadIdx.x, last = min(first + each, count);
  u64 own = 0, total;
  for (i64 i = first; i < last; i++) own += values[i];
  u64 passed = sum_before(own, &total);
  for (i64 i = first; i < last; i++) {
    u64 value = values[i];
    values[i] = passed;
    passed += value;
  }
  return total;
}

// One block, however many values: what they are sums of was added up beside, a tile a block.
extern "C" __global__ void __launch_bounds__(1024)
    exclusive_sum(u64* __restrict__ values, int count, u64* __restrict__ total) {
  u64 sum = sums_before(values, count);
  if (threadIdx.x == 0) *total = sum;
}

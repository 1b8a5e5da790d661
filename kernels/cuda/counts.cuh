// The level that stands at a place of the sorted values, from counts of each level.
//
// Rule 1: called by all 256 threads of a block of one dimension; what is shared is handed in, and
// may be used again when the call returns.
#pragma once
#include "scan.cuh"

#define LEVELS 256

// Returns the level that 60 % of all counted values do not exceed; at least one was counted.
__device__ __forceinline__ int level_of_the_page(u32 count, int* found) {
  u64 all, before = sum_before(count, &all), place = all * 6 / 10;
  if (before <= place && place < before + count) *found = threadIdx.x;
  __syncthreads();
  int level = *found;
  __syncthreads();
  return level;
}

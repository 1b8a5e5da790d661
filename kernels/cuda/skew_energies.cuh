// How much ink jumps from line to line when the strips of a page are sheared against each other.
// Twin of `kernels/skew/shears.py`, which has the definition.
//
// Rule 1: sums are exact and wrap at 64 bits, so their order does not matter; all that is taken
// away again was added.
// Rule 2: a shear times the strips is below 2^31 (0.2 of a line a pixel, 65,500 px).
#pragma once
#include "types.cuh"

#define JUMPS_A_WARP (WARP - 1)

// Add up the lanes of each part and add them to its energy. Parts lie one after the other, so that
// where one ends, all up to there less all before it is its own.
__device__ __forceinline__ void add_parts(u64 energy, int part, u64* out, int shears) {
  int lane = threadIdx.x;
  for (int step = 1; step < WARP; step *= 2) {
    u64 before = __shfl_up_sync(EVERY_LANE, energy, step);
    if (lane >= step) energy += before;
  }
  int next = __shfl_down_sync(EVERY_LANE, part, 1);
  if (lane == WARP - 1) {
    atomicAdd(out + (i64)part * shears, energy);
  } else if (next != part) {
    atomicAdd(out + (i64)part * shears, energy);
    atomicAdd(out + (i64)next * shears, 0 - energy);
  }
}

// Add the energies to `out`, (half, way, part, shear): rows, then columns, which are sheared the
// other way. A warp takes 32 lines of the profile, and so 31 jumps, under one shear:
// blockIdx.x by the lines, .y by the shear, .z by the way, and by the half where there are two.
extern "C" __global__ void __launch_bounds__(256)
    skew_energies(const u16* __restrict__ rows, int row_count, int row_lines,
                  const u16* __restrict__ columns, int column_count, int column_lines,
                  const i32* __restrict__ shears, int parts, u64* __restrict__ out) {
  bool is_column = blockIdx.z & 1, is_halved = gridDim.z > 2;
  const u16* strip = is_column ? columns : rows;
  int count = is_column ? column_count : row_count, lines = is_column ? column_lines : row_lines;
  int first = JUMPS_A_WARP * (blockIdx.x * blockDim.y + threadIdx.y);
  if (first >= lines - 1) return;  // the whole warp
  if (is_halved) {
    int middle = count / 2;
    if (blockIdx.z >> 1) strip += (i64)middle * lines;
    count = blockIdx.z >> 1 ? count - middle : middle;
  }
  int lane = threadIdx.x, y = first + lane;
  i32 shear = is_column ? -shears[blockIdx.y] : shears[blockIdx.y];
  i32 place = shear * (1 - count) + 65536;
  u32 profile = 0;
  for (int k = 0; k < count; k++) {
    u32 line = (u32)(y + (place >> 17));
    if (line < (u32)lines) profile += strip[line];
    strip += lines;
    place += 2 * shear;
  }
  i64 jump = (i32)(__shfl_down_sync(EVERY_LANE, profile, 1) - profile);
  bool counts = lane < JUMPS_A_WARP && y < lines - 1;
  // What does not count goes with the last that does.
  y = min(min(y, first + JUMPS_A_WARP - 1), lines - 2);
  int part = ((y + 1) * parts - 1) / (lines - 1);
  add_parts(counts ? (u64)(jump * jump) : 0, part,
            out + (i64)blockIdx.z * parts * gridDim.y + blockIdx.y, gridDim.y);
}

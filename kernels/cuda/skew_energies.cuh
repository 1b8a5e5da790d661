// How much ink jumps from line to line when the strips of a page are sheared against each other.
// Twin of `kernels/skew/shears.py`, which has the definition.
//
// Rule 1: sums are exact and wrap at 64 bits, so their order does not matter; all that is taken
// away again was added.
// Rule 2: a shear times the strips is below 2^31 (0.2 of a line a pixel, 65,500 px).
#pragma once
#include "types.cuh"

#define LINES_A_LANE 2
#define LINES_A_WARP (WARP * LINES_A_LANE)
#define JUMPS_A_WARP (LINES_A_WARP - 1)
#define STRIPS_AT_ONCE 16  // so many are asked for before the first of them is waited for

// Where a lane stands in the strips, and its lines of the profile: `y` and each 32nd after it, so
// that a warp reads neighbours.
struct Shearing {
  const u16* strip;
  int left, lines;  // strips to come, and how long they are
  int y;
  i32 place, step;  // how far the strip is moved, in 1 / 131072 of a line
  u32 profile[LINES_A_LANE];
};

// Add the next strips. `inside`, a constant where this is called: all lines that are asked for lie
// in the strips, and there are so many strips. Otherwise each line is looked at; a strip that is
// not there has none. What is not read is a zero to be added: so no load waits for another's sum.
__device__ __forceinline__ void add_strips(Shearing& s, bool inside) {
#pragma unroll
  for (int k = 0; k < STRIPS_AT_ONCE; k++) {
    int line = s.y + (s.place >> 17);
    u32 end = k < s.left ? s.lines : 0;
#pragma unroll
    for (int i = 0; i < LINES_A_LANE; i++) {
      bool is_there = inside || (u32)(line + WARP * i) < end;
      s.profile[i] += is_there ? s.strip[line + WARP * i] : 0;
    }
    s.strip += s.lines;
    s.place += s.step;
  }
  s.left -= STRIPS_AT_ONCE;
}

// Whether lines from `first` on, as many as a warp takes, lie in the strips however these are
// moved: the first and the last are moved furthest.
__device__ __forceinline__ bool all_inside(int first, i32 shear, int count, int lines) {
  i32 reach = abs(shear) * (count - 1);
  return first + ((65536 - reach) >> 17) >= 0 &&
         first + LINES_A_WARP + ((65536 + reach) >> 17) <= lines;
}

// Add up the lanes of each part and add them to its energy. Parts lie one after the other, so that
// where one ends, all up to there less all before it is its own.
__device__ __forceinline__ void add_parts(u64 energy[LINES_A_LANE], const int part[LINES_A_LANE],
                                          u64* out, int angles) {
  int lane = threadIdx.x;
#pragma unroll
  for (int step = 1; step < WARP; step *= 2) {
#pragma unroll
    for (int i = 0; i < LINES_A_LANE; i++) {
      u64 before = __shfl_up_sync(EVERY_LANE, energy[i], step);
      if (lane >= step) energy[i] += before;
    }
  }
#pragma unroll
  for (int i = 0; i < LINES_A_LANE; i++) {
    int next = __shfl_down_sync(EVERY_LANE, part[i], 1);
    if (lane == WARP - 1) {
      atomicAdd(out + part[i] * angles, energy[i]);
    } else if (next != part[i]) {
      atomicAdd(out + part[i] * angles, energy[i]);
      atomicAdd(out + next * angles, 0 - energy[i]);
    }
  }
}

// Add the energies to `out`, (half, way, part, angle): rows, then columns, which are sheared the
// other way. A warp takes 64 lines of the profile, and so 63 jumps, under one angle's shear; a
// block the same lines under several angles, so that most of them are in its cache already:
// blockIdx.x by the lines, .y by the angles, .z by the way, and by the half where there are two.
// Eight blocks on a multiprocessor leave the registers that what was asked for comes to.
extern "C" __global__ void __launch_bounds__(128, 8)
    skew_energies(const u16* __restrict__ rows, int row_count, int row_lines,
                  const u16* __restrict__ columns, int column_count, int column_lines,
                  const i32* __restrict__ shears, int angles, int parts, u64* __restrict__ out) {
  bool is_column = blockIdx.z & 1, is_halved = gridDim.z > 2;
  const u16* strips = is_column ? columns : rows;
  int count = is_column ? column_count : row_count, lines = is_column ? column_lines : row_lines;
  int first = JUMPS_A_WARP * blockIdx.x, angle = blockIdx.y * blockDim.y + threadIdx.y;
  if (first >= lines - 1 || angle >= angles) return;  // the whole warp
  if (is_halved) {
    int middle = count / 2;
    if (blockIdx.z >> 1) strips += (i64)middle * lines;
    count = blockIdx.z >> 1 ? count - middle : middle;
  }
  int lane = threadIdx.x;
  i32 shear = is_column ? -shears[angle] : shears[angle];
  Shearing s = {strips, count, lines, first + lane, shear * (1 - count) + 65536, 2 * shear, {}};
  if (all_inside(first, shear, count, lines)) {
    while (s.left >= STRIPS_AT_ONCE) add_strips(s, true);
  }
  while (s.left > 0) add_strips(s, false);
  u64 energy[LINES_A_LANE];
  int part[LINES_A_LANE];
#pragma unroll
  for (int i = 0; i < LINES_A_LANE; i++) {
    u32 next = __shfl_down_sync(EVERY_LANE, s.profile[i], 1);
    u32 beyond = __shfl_sync(EVERY_LANE, s.profile[min(i + 1, LINES_A_LANE - 1)], 0);
    i64 jump = (i32)((lane < WARP - 1 ? next : beyond) - s.profile[i]);
    // What does not count goes with the last that does.
    int y = s.y + WARP * i, last = min(first + JUMPS_A_WARP, lines - 1) - 1;
    energy[i] = y <= last ? (u64)(jump * jump) : 0;
    part[i] = (u32)((min(y, last) + 1) * parts - 1) / (u32)(lines - 1);
  }
  add_parts(energy, part, out + blockIdx.z * parts * angles + angle, angles);
}

// What the peak of a page's curve rests on, and the angle. Twin of `kernels/skew/trust.py`, which
// has the laws.
#pragma once
#include "skew_curve.cuh"

#define SKEW_SLICES 8
#define FINE_PARTS (SKEW_BANDS * SKEW_SLICES)
#define LEAST_SAY 0.1
#define EVERY_SLICE 0xFFu

enum { IN_ALL, IN_ROWS, IN_COLUMNS, WAYS };

// The roots of the bands, what they add up to, and where the peaks are without each.
struct Support {
  double roots[ALL_BANDS][FINE_ANGLES];
  double sums[WAYS][FINE_ANGLES];
  double high[WAYS], low[WAYS];
  double place[ALL_BANDS + WAYS];
  int top;
};

__device__ __forceinline__ void find_extremes(Support& s, int way) {
  double high = s.sums[way][0], low = high;
  for (int t = 1; t < FINE_ANGLES; t++) {
    high = max(high, s.sums[way][t]);
    low = min(low, s.sums[way][t]);
  }
  s.high[way] = high;
  s.low[way] = low;
}

// All of the block: weigh the slices that are kept, a bit each for every band.
__device__ __forceinline__ void weigh(const u64* slices, const u32* kept, Support& s) {
  int me = threadIdx.x;
  for (int i = me; i < ALL_BANDS * FINE_ANGLES; i += blockDim.x) {
    int band = i / FINE_ANGLES, t = i % FINE_ANGLES;
    u64 energy = 0;
    for (int k = 0; k < SKEW_SLICES; k++) {
      if (kept[band] >> k & 1) energy += slices[(band * SKEW_SLICES + k) * FINE_ANGLES + t];
    }
    s.roots[band][t] = root_of(energy);
  }
  __syncthreads();
  if (me < WAYS * FINE_ANGLES) {
    int way = me / FINE_ANGLES, t = me % FINE_ANGLES;
    double sum = 0.0;
    int first = way == IN_COLUMNS ? SKEW_BANDS : 0, end = way == IN_ROWS ? SKEW_BANDS : ALL_BANDS;
    for (int band = first; band < end; band++) {
      sum += s.roots[band][t];
    }
    s.sums[way][t] = sum;
  }
  __syncthreads();
  if (me < ALL_BANDS + WAYS) {  // one warp; what else is asked is asked of others
    int way = me < ALL_BANDS ? IN_ALL : me - ALL_BANDS;
    Curve curve = {s.sums[way], me < ALL_BANDS ? s.roots[me] : 0, FINE_ANGLES};
    s.place[me] = vertex_of(curve);
  } else if (me >= WARP && me < WARP + WAYS) {
    find_extremes(s, me - WARP);
  } else if (me == 2 * WARP) {
    Curve curve = {s.sums[IN_ALL], 0, FINE_ANGLES};
    s.top = top_of(curve);
  }
  __syncthreads();
}

// How many slices at either end lie where not all of the strips are.
__device__ __forceinline__ int slices_at_end(i32 steepest, int count, int lines) {
  i64 reach = (((i64)steepest * (count - 1) + 65536) >> 17) + 1;
  return (int)((reach * FINE_PARTS + lines - 2) / (lines - 1));
}

// Which slices of a band belong to the rest: neither those at the ends, nor the strongest and its
// neighbours.
__device__ __forceinline__ u32 kept_of(const u64* energy, int first_slice, int end) {
  u32 kept = 0;
  int strongest = 0;
  u64 most = 0;
  for (int k = 0; k < SKEW_SLICES; k++) {
    int slice = first_slice + k;
    if (slice < end || slice >= FINE_PARTS - end) continue;
    kept |= 1u << k;
    if (energy[k * FINE_ANGLES] > most) strongest = k, most = energy[k * FINE_ANGLES];
  }
  for (int k = max(0, strongest - 1); k < min(strongest + 2, SKEW_SLICES); k++) kept &= ~(1u << k);
  return kept;
}

__device__ __forceinline__ double rise_of(const Support& s, int way) {
  return s.high[way] - s.low[way];
}

// The standard error of leaving one band out.
__device__ __forceinline__ double spread_of(const Support& s) {
  double squares = 0.0;
  for (int band = 0; band < ALL_BANDS; band++) {
    double off = s.place[band] - s.place[ALL_BANDS + IN_ALL];
    squares += off * off;
  }
  return sqrt(squares * (ALL_BANDS - 1) / ALL_BANDS);
}

__device__ __forceinline__ double ways_off_of(const Support& s, double least) {
  if (min(rise_of(s, IN_ROWS), rise_of(s, IN_COLUMNS)) < least) return 0.0;
  return fabs(s.place[ALL_BANDS + IN_ROWS] - s.place[ALL_BANDS + IN_COLUMNS]);
}

__device__ __forceinline__ void conclude(const Support& s, const Support& rest, SkewSeen* seen) {
  double place = s.place[ALL_BANDS + IN_ALL], rise = rise_of(s, IN_ALL);
  seen->place = place;
  seen->depth = rise / max(s.high[IN_ALL], SKEW_TINY);
  seen->spread = spread_of(s);
  seen->rest_off = fabs(rest.place[ALL_BANDS + IN_ALL] - place);
  seen->rest_spread = spread_of(rest);
  seen->rest_share = rise_of(rest, IN_ALL) / max(rise, SKEW_TINY);
  seen->ways_off = ways_off_of(s, LEAST_SAY * rise);
  seen->lean = fabs(place - s.top);
}

// One block. Besides what is seen it writes the shears under which the halves are looked at, the
// angle of the content in microdegrees, and by how much to turn the page to make it straight.
extern "C" __global__ void __launch_bounds__(256)
    skew_support(const u64* __restrict__ slices, const i32* __restrict__ shears, int row_count,
                 int row_lines, int column_count, int column_lines, SkewSeen* __restrict__ seen,
                 i32* __restrict__ near, i32* __restrict__ angle, i32* __restrict__ turn) {
  __shared__ Support whole, rest;
  __shared__ u32 kept[ALL_BANDS];
  int me = threadIdx.x;
  if (me < ALL_BANDS) kept[me] = EVERY_SLICE;
  __syncthreads();
  weigh(slices, kept, whole);
  double place = whole.place[ALL_BANDS + IN_ALL];
  if (me < ALL_BANDS) {
    int peak = min(max((int)rint(place), 0), FINE_ANGLES - 1);
    i32 steepest = max(abs(shears[0]), abs(shears[FINE_ANGLES - 1]));  // they rise with the angle
    int end = me < SKEW_BANDS ? slices_at_end(steepest, row_count, row_lines)
                         : slices_at_end(steepest, column_count, column_lines);
    const u64* energy = slices + me * SKEW_SLICES * FINE_ANGLES + peak;
    kept[me] = kept_of(energy, me % SKEW_BANDS * SKEW_SLICES, end);
  }
  __syncthreads();
  weigh(slices, kept, rest);
  if (!me) {
    conclude(whole, rest, seen);
    // Rows sheared downwards to the right follow content turned clockwise.
    i32 clockwise =
        (i32)rint(seen->coarse_microdeg + FINE_STEP_MICRODEG * (place - (double)FINE_HALF));
    *angle = -clockwise;
    *turn = clockwise;
  }
  if (me < HALVES_ANGLES) near[me] = shears[first_near(place) + me];
}

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
  Shape shape[WAYS];
  double place[ALL_BANDS + WAYS];
};

// All of the block, a thread with the slices of one band under one angle: weigh those that are
// kept, a bit each. Then a warp looks at each curve: without one band, or of one way.
__device__ __forceinline__ void weigh(const u64 slices[SKEW_SLICES], u32 kept, Support& s) {
  int me = threadIdx.x;
  if (me < ALL_BANDS * FINE_ANGLES) {
    u64 energy = 0;
#pragma unroll
    for (int k = 0; k < SKEW_SLICES; k++) energy += kept >> k & 1 ? slices[k] : 0;
    s.roots[me / FINE_ANGLES][me % FINE_ANGLES] = root_of(energy);
  }
  __syncthreads();
  if (me < WAYS * FINE_ANGLES) {
    int way = me / FINE_ANGLES, t = me % FINE_ANGLES;
    int first = way == IN_COLUMNS ? SKEW_BANDS : 0, end = way == IN_ROWS ? SKEW_BANDS : ALL_BANDS;
    double sum = 0.0;
#pragma unroll
    for (int band = 0; band < ALL_BANDS; band++) {
      double root = s.roots[band][t];
      if (band >= first && band < end) sum += root;
    }
    s.sums[way][t] = sum;
  }
  __syncthreads();
  int curve_of = me / WARP;
  if (curve_of < ALL_BANDS + WAYS) {
    int way = curve_of < ALL_BANDS ? IN_ALL : curve_of - ALL_BANDS;
    Curve curve = {s.sums[way], curve_of < ALL_BANDS ? s.roots[curve_of] : 0, FINE_ANGLES};
    Shape shape = shape_of(curve);
    double place = vertex_of(curve, shape);
    if (!lane_of_warp()) {
      s.place[curve_of] = place;
      if (curve_of >= ALL_BANDS) s.shape[way] = shape;
    }
  }
  __syncthreads();
}

// How many slices at either end lie where not all of the strips are.
__device__ __forceinline__ int slices_at_end(i32 steepest, int count, int lines) {
  int reach = ((steepest * (count - 1) + 65536) >> 17) + 1;
  return (reach * FINE_PARTS + lines - 2) / (lines - 1);
}

// Which slices of a band belong to the rest: neither those at the ends, nor the strongest and its
// neighbours.
__device__ __forceinline__ u32 kept_of(const u64 slices[SKEW_SLICES], int first_slice, int end) {
  u32 kept = 0;
  int strongest = 0;
  u64 most = 0;
#pragma unroll
  for (int k = 0; k < SKEW_SLICES; k++) {
    int slice = first_slice + k;
    if (slice < end || slice >= FINE_PARTS - end) continue;
    kept |= 1u << k;
    if (slices[k] > most) strongest = k, most = slices[k];
  }
  return kept & ~(7u << strongest >> 1);
}

__device__ __forceinline__ double rise_of(const Support& s, int way) {
  return s.shape[way].most - s.shape[way].least;
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

// Three threads, of a warp each.
__device__ __forceinline__ void conclude(const Support& s, const Support& rest, SkewSeen* seen) {
  double place = s.place[ALL_BANDS + IN_ALL], rise = rise_of(s, IN_ALL);
  if (threadIdx.x == 0) {
    seen->place = place;
    seen->depth = rise / max(s.shape[IN_ALL].most, SKEW_TINY);
    seen->lean = fabs(place - s.shape[IN_ALL].top);
    seen->rest_off = fabs(rest.place[ALL_BANDS + IN_ALL] - place);
    seen->ways_off = ways_off_of(s, LEAST_SAY * rise);
  } else if (threadIdx.x == WARP) {
    seen->rest_share = rise_of(rest, IN_ALL) / max(rise, SKEW_TINY);
    seen->rest_spread = spread_of(rest);
  } else if (threadIdx.x == 2 * WARP) {
    seen->spread = spread_of(s);
  }
}

// One block. Besides what is seen it writes the shears under which the halves are looked at, the
// angle of the content in microdegrees, and by how much to turn the page to make it straight.
extern "C" __global__ void __launch_bounds__(672)
    skew_support(const u64* __restrict__ slices, const i32* __restrict__ shears, int row_count,
                 int row_lines, int column_count, int column_lines, SkewSeen* __restrict__ seen,
                 i32* __restrict__ near, i32* __restrict__ angle, i32* __restrict__ turn) {
  __shared__ Support whole, rest;
  __shared__ u32 kept[ALL_BANDS];
  __shared__ i32 steps[FINE_ANGLES];
  int me = threadIdx.x, band = min(me / FINE_ANGLES, ALL_BANDS - 1), t = me % FINE_ANGLES;
  u64 mine[SKEW_SLICES];
#pragma unroll
  for (int k = 0; k < SKEW_SLICES; k++) {
    mine[k] = slices[(band * SKEW_SLICES + k) * FINE_ANGLES + t];
  }
  if (me < FINE_ANGLES) steps[me] = shears[me];
  double coarse = seen->coarse_microdeg;
  weigh(mine, EVERY_SLICE, whole);
  double place = whole.place[ALL_BANDS + IN_ALL];
  if (me < ALL_BANDS * FINE_ANGLES && t == min(max((int)rint(place), 0), FINE_ANGLES - 1)) {
    i32 steepest = max(abs(steps[0]), abs(steps[FINE_ANGLES - 1]));  // they rise with the angle
    int end = band < SKEW_BANDS ? slices_at_end(steepest, row_count, row_lines)
                                : slices_at_end(steepest, column_count, column_lines);
    kept[band] = kept_of(mine, band % SKEW_BANDS * SKEW_SLICES, end);
  }
  __syncthreads();
  weigh(mine, kept[band], rest);
  conclude(whole, rest, seen);
  if (me < HALVES_ANGLES) near[me] = steps[first_near(place) + me];
  if (me == 3 * WARP) {
    // Rows sheared downwards to the right follow content turned clockwise.
    i32 clockwise = (i32)rint(coarse + FINE_STEP_MICRODEG * (place - (double)FINE_HALF));
    *angle = -clockwise;
    *turn = clockwise;
  }
}

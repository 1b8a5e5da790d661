// From energies to the peak of a curve of angles. Twin of `kernels/skew/curve.py`, and of the
// vertex in `kernels/skew/trust.py`.
//
// Rule 1: doubles with + - * / and the square root alone, and each sum taken in the order of the
// twin; what is the same in any order (a greatest, a rank) is found in any.
// Rule 2: one block does each of these steps, and its time is that of its slowest thread. So a warp
// looks at a curve, and whatever does not wait for another is done by another lane.
#pragma once
#include "rotate.cuh"
#include "types.cuh"

#define SKEW_BANDS 8
#define ALL_BANDS (2 * SKEW_BANDS)
#define COARSE_STEP_MICRODEG 250000
#define COARSE_HALF 40
#define COARSE_ANGLES (2 * COARSE_HALF + 1)
#define COARSE_A_LANE ((COARSE_ANGLES + WARP - 1) / WARP)
#define FINE_STEP_MICRODEG 20000
#define FINE_HALF 20
#define FINE_ANGLES (2 * FINE_HALF + 1)
#define HALVES_HALF 10
#define HALVES_ANGLES (2 * HALVES_HALF + 1)
#define HALVES_ROOTS (2 * ALL_BANDS * HALVES_ANGLES)
#define FAR_STEPS 3
#define MOST_ALONE 100.0
#define VERTEX_WINDOW 5
#define SKEW_TINY 1e-9

// As `Seen` of the twin, its `support` laid open. Whole numbers are exact in doubles.
struct SkewSeen {
  double coarse_microdeg, at_the_end, alone, bands;
  double place, depth, spread, rest_off, rest_spread, rest_share, ways_off, lean;
  double halves_off;
};

// By how much neighbouring strips move against each other, in 1 / 65536 of a line.
__device__ __forceinline__ i32 shear_of(i32 microdeg, double strip) {
  double a = microdeg * RADIAN_PER_MICRODEG, q = a * a;
  double tangent =
      a *
      (1.0 +
       q * (1.0 / 3.0 +
            q * (2.0 / 15.0 +
                 q * (17.0 / 315.0 + q * (62.0 / 2835.0 + q * (1382.0 / 155925.0))))));
  return (i32)floor(tangent * strip * 65536.0 + 0.5);
}

// A curve of angles; where `less` is not null, without that band.
struct Curve {
  const double* whole;
  const double* less;
  int size;
};

__device__ __forceinline__ double value_at(const Curve& curve, int i) {
  return curve.less ? curve.whole[i] - curve.less[i] : curve.whole[i];
}

__device__ __forceinline__ int lane_of_warp() { return threadIdx.x % WARP; }

__device__ __forceinline__ double root_of(u64 energy) { return sqrt((double)(i64)energy); }

// The higher of a lane's value and that of the lane so far away, the first of equals.
__device__ __forceinline__ void take_higher(double& value, int& place, int reach) {
  double other = __shfl_xor_sync(EVERY_LANE, value, reach);
  int there = __shfl_xor_sync(EVERY_LANE, place, reach);
  if (other > value || (other == value && there < place)) value = other, place = there;
}

// What is seen of a curve at a glance: `top` is the middle of the five neighbours that are highest
// together.
struct Shape {
  int top;
  double least, most;
};

// All of a warp.
__device__ __forceinline__ Shape shape_of(const Curve& curve) {
  int lane = lane_of_warp(), top = 2;
  double highest = -1.0, least = value_at(curve, 0), most = least;
  for (int i = lane; i < curve.size; i += WARP) {
    double value = value_at(curve, i);
    least = min(least, value), most = max(most, value);
    if (i < 2 || i >= curve.size - 2) continue;
    double box = value_at(curve, i - 2) + value_at(curve, i - 1) + value + value_at(curve, i + 1) +
                 value_at(curve, i + 2);
    if (box > highest) top = i, highest = box;
  }
#pragma unroll
  for (int reach = 1; reach < WARP; reach *= 2) {
    least = min(least, __shfl_xor_sync(EVERY_LANE, least, reach));
    most = max(most, __shfl_xor_sync(EVERY_LANE, most, reach));
    take_higher(highest, top, reach);
  }
  return {top, least, most};
}

// All of a warp: the place of the peak, by a least-squares parabola around the top. Its sums of
// y, x y and x x y are taken by a lane each; points that are not there are zeros.
__device__ __forceinline__ double vertex_of(const Curve& curve, const Shape& shape) {
  int lane = lane_of_warp(), top = shape.top;
  int s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0;
  double t = 0.0;
#pragma unroll
  for (int x = -VERTEX_WINDOW; x <= VERTEX_WINDOW; x++) {
    bool is_there = top + x >= 0 && top + x < curve.size;
    double y = is_there ? value_at(curve, top + x) - shape.least : 0.0;
    if (is_there) s0 += 1, s1 += x, s2 += x * x, s3 += x * x * x, s4 += x * x * x * x;
    t += (lane == 0 ? 1.0 : lane == 1 ? (double)x : (double)(x * x)) * y;
  }
  double t0 = __shfl_sync(EVERY_LANE, t, 0), t1 = __shfl_sync(EVERY_LANE, t, 1);
  double t2 = __shfl_sync(EVERY_LANE, t, 2);
  double a = (s2 * s0 - s1 * s1) * t2 + (s1 * s2 - s3 * s0) * t1 + (s3 * s1 - s2 * s2) * t0;
  double b = (s1 * s2 - s3 * s0) * t2 + (s4 * s0 - s2 * s2) * t1 + (s3 * s2 - s4 * s1) * t0;
  double shift = a < 0.0 ? -b / (2.0 * a) : 0.0;
  return top + min(max(shift, -(double)VERTEX_WINDOW), (double)VERTEX_WINDOW);
}

// All of a warp: the middle one of a band's energies, the greatest that has no more than half of
// them below it. All are below 2^63: the sign of a difference compares two.
__device__ __forceinline__ u64 middle_of(const u64 mine[COARSE_A_LANE], const u64* energy) {
  int below[COARSE_A_LANE] = {};
  for (int k = 0; k < COARSE_ANGLES; k++) {
    u64 other = energy[k];
#pragma unroll
    for (int i = 0; i < COARSE_A_LANE; i++) below[i] += (int)((other - mine[i]) >> 63);
  }
  u64 middle = 0;
#pragma unroll
  for (int i = 0; i < COARSE_A_LANE; i++) {
    if (below[i] <= COARSE_HALF) middle = max(middle, mine[i]);
  }
#pragma unroll
  for (int reach = 1; reach < WARP; reach *= 2) {
    middle = max(middle, __shfl_xor_sync(EVERY_LANE, middle, reach));
  }
  return middle;
}

// All of a warp: the first of the highest scores.
__device__ __forceinline__ int coarse_peak(const double* score) {
  int peak = lane_of_warp();
  double highest = score[peak];
  for (int t = peak + WARP; t < COARSE_ANGLES; t += WARP) {
    if (score[t] > highest) peak = t, highest = score[t];
  }
#pragma unroll
  for (int reach = 1; reach < WARP; reach *= 2) take_higher(highest, peak, reach);
  return peak;
}

// All of a warp: how a peak stands among the scores that are not near it.
__device__ __forceinline__ double alone_of(const double* score, int peak) {
  double best = SKEW_TINY;
  for (int t = lane_of_warp(); t < COARSE_ANGLES; t += WARP) {
    if (t < peak - FAR_STEPS || t > peak + FAR_STEPS) best = max(best, score[t]);
  }
#pragma unroll
  for (int reach = 1; reach < WARP; reach *= 2) {
    best = max(best, __shfl_xor_sync(EVERY_LANE, best, reach));
  }
  return min(score[peak] / best, MOST_ALONE);
}

__device__ __forceinline__ double participation(const double* roots, int peak) {
  double total = 0.0, squares = 0.0;
#pragma unroll
  for (int band = 0; band < ALL_BANDS; band++) {
    double part = max(roots[band * COARSE_ANGLES + peak], 0.0);
    total += part;
    squares += part * part;
  }
  return total * total / max(squares, SKEW_TINY);
}

// One block, a warp for each band: the peak among all angles, and the shears of the angles near it.
extern "C" __global__ void __launch_bounds__(512)
    skew_peak(const u64* __restrict__ energies, int strip_px, i32* __restrict__ shears,
              SkewSeen* __restrict__ seen) {
  __shared__ u64 energy[ALL_BANDS * COARSE_ANGLES];
  __shared__ double roots[ALL_BANDS * COARSE_ANGLES], score[COARSE_ANGLES];
  int me = threadIdx.x, lane = lane_of_warp(), first = me / WARP * COARSE_ANGLES;
  u64 mine[COARSE_A_LANE];
#pragma unroll
  for (int i = 0; i < COARSE_A_LANE; i++) {
    int t = lane + WARP * i;
    mine[i] = t < COARSE_ANGLES ? energies[first + t] : 0;  // a zero is no greatest
    if (t < COARSE_ANGLES) energy[first + t] = mine[i];
  }
  __syncwarp();
  double median = root_of(middle_of(mine, energy + first));
#pragma unroll
  for (int i = 0; i < COARSE_A_LANE; i++) {
    int t = lane + WARP * i;
    if (t < COARSE_ANGLES) roots[first + t] = root_of(mine[i]) - median;
  }
  __syncthreads();
  if (me < COARSE_ANGLES) {
    double sum = 0.0;
#pragma unroll
    for (int band = 0; band < ALL_BANDS; band++) sum += roots[band * COARSE_ANGLES + me];
    score[me] = sum;
  }
  __syncthreads();
  int peak = coarse_peak(score);  // each warp finds it, and goes on from there with its own
  i32 coarse = (peak - COARSE_HALF) * COARSE_STEP_MICRODEG;
  if (me < WARP) {
    double alone = alone_of(score, peak);
    if (me) return;
    seen->coarse_microdeg = coarse;
    seen->at_the_end = peak == 0 || peak == COARSE_ANGLES - 1;
    seen->alone = alone;
  } else if (me == WARP) {
    seen->bands = participation(roots, peak);
  } else if (me >= 2 * WARP && me < 2 * WARP + FINE_ANGLES) {
    int t = me - 2 * WARP;
    shears[t] = shear_of(coarse + (t - FINE_HALF) * FINE_STEP_MICRODEG, strip_px);
  }
}

// The first of the fine angles under which the halves are looked at.
__device__ __forceinline__ int first_near(double place) {
  return min(max((int)rint(place) - HALVES_HALF, 0), FINE_ANGLES - HALVES_ANGLES);
}

// One block, a thread for each root: how far from the peak that of the page's halves lies, each
// taken alone.
extern "C" __global__ void __launch_bounds__(672)
    skew_halves(const u64* __restrict__ energies, SkewSeen* __restrict__ seen) {
  __shared__ double roots[HALVES_ROOTS], sums[HALVES_ANGLES];
  int me = threadIdx.x;
  roots[me] = root_of(energies[me]);
  double place = seen->place;
  __syncthreads();
  if (me >= WARP) return;  // the first warp goes on
  if (me < HALVES_ANGLES) {
    double sum = 0.0;
#pragma unroll
    for (int band = 0; band < 2 * ALL_BANDS; band++) sum += roots[band * HALVES_ANGLES + me];
    sums[me] = sum;
  }
  __syncwarp();
  Curve curve = {sums, 0, HALVES_ANGLES};
  double vertex = vertex_of(curve, shape_of(curve));
  if (!me) seen->halves_off = fabs(first_near(place) + vertex - place);
}

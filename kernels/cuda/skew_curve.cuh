// From energies to the peak of a curve of angles. Twin of `kernels/skew/curve.py`, and of the
// vertex in `kernels/skew/trust.py`.
//
// Rule 1: doubles with + - * / and the square root alone, and each sum taken in the order of the
// twin; what is the same in any order (a greatest, a rank) is found in any.
#pragma once
#include "rotate.cuh"
#include "types.cuh"

#define SKEW_BANDS 8
#define ALL_BANDS (2 * SKEW_BANDS)
#define COARSE_STEP_MICRODEG 250000
#define COARSE_HALF 40
#define COARSE_ANGLES (2 * COARSE_HALF + 1)
#define FINE_STEP_MICRODEG 20000
#define FINE_HALF 20
#define FINE_ANGLES (2 * FINE_HALF + 1)
#define HALVES_HALF 10
#define HALVES_ANGLES (2 * HALVES_HALF + 1)
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

// The middle of the five neighbours that are highest together.
__device__ __forceinline__ int top_of(const Curve& curve) {
  int top = 2;
  double most = -1.0;
  double a = value_at(curve, 0), b = value_at(curve, 1);
  double c = value_at(curve, 2), d = value_at(curve, 3);
  for (int i = 2; i < curve.size - 2; i++) {
    double e = value_at(curve, i + 2), box = a + b + c + d + e;
    if (box > most) top = i, most = box;
    a = b, b = c, c = d, d = e;
  }
  return top;
}

// The place of the peak: box of 5, then a least-squares parabola around it.
__device__ __forceinline__ double vertex_of(const Curve& curve) {
  int top = top_of(curve);
  double least = value_at(curve, 0);
  for (int i = 1; i < curve.size; i++) least = min(least, value_at(curve, i));
  int s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0;
  double t0 = 0.0, t1 = 0.0, t2 = 0.0;
  int first = max(0, top - VERTEX_WINDOW), last = min(curve.size - 1, top + VERTEX_WINDOW);
  for (int i = first; i <= last; i++) {
    int x = i - top;
    double y = value_at(curve, i) - least;
    s0 += 1, s1 += x, s2 += x * x, s3 += x * x * x, s4 += x * x * x * x;
    t0 += y, t1 += x * y, t2 += x * x * y;
  }
  double a = (s2 * s0 - s1 * s1) * t2 + (s1 * s2 - s3 * s0) * t1 + (s3 * s1 - s2 * s2) * t0;
  double b = (s1 * s2 - s3 * s0) * t2 + (s4 * s0 - s2 * s2) * t1 + (s3 * s2 - s4 * s1) * t0;
  double shift = a < 0.0 ? -b / (2.0 * a) : 0.0;
  return top + min(max(shift, -(double)VERTEX_WINDOW), (double)VERTEX_WINDOW);
}

__device__ __forceinline__ double root_of(u64 energy) { return sqrt((double)(i64)energy); }

// One thread: the first of the highest scores, and how it stands among the others.
__device__ __forceinline__ int coarse_peak(const double* score, SkewSeen* seen) {
  int peak = 0;
  for (int t = 1; t < COARSE_ANGLES; t++) {
    if (score[t] > score[peak]) peak = t;
  }
  double best = SKEW_TINY;
  for (int t = 0; t < COARSE_ANGLES; t++) {
    if (t < peak - FAR_STEPS || t > peak + FAR_STEPS) best = max(best, score[t]);
  }
  seen->coarse_microdeg = (peak - COARSE_HALF) * COARSE_STEP_MICRODEG;
  seen->at_the_end = peak == 0 || peak == COARSE_ANGLES - 1;
  seen->alone = min(score[peak] / best, MOST_ALONE);
  return peak;
}

__device__ __forceinline__ double participation(const double* roots, int peak) {
  double total = 0.0, squares = 0.0;
  for (int band = 0; band < ALL_BANDS; band++) {
    double part = max(roots[band * COARSE_ANGLES + peak], 0.0);
    total += part;
    squares += part * part;
  }
  return total * total / max(squares, SKEW_TINY);
}

// One block: the peak among all angles, and the shears of the angles near it.
extern "C" __global__ void __launch_bounds__(512)
    skew_peak(const u64* __restrict__ energies, int strip_px, i32* __restrict__ shears,
              SkewSeen* __restrict__ seen) {
  __shared__ u64 energy[ALL_BANDS * COARSE_ANGLES];
  __shared__ double roots[ALL_BANDS * COARSE_ANGLES], median[ALL_BANDS], score[COARSE_ANGLES];
  __shared__ i32 peak;
  int me = threadIdx.x;
  for (int i = me; i < ALL_BANDS * COARSE_ANGLES; i += blockDim.x) {
    energy[i] = energies[i];
    roots[i] = root_of(energy[i]);
  }
  __syncthreads();
  for (int i = me; i < ALL_BANDS * COARSE_ANGLES; i += blockDim.x) {
    int first = i / COARSE_ANGLES * COARSE_ANGLES, rank = 0;
    for (int k = first; k < first + COARSE_ANGLES; k++) {  // equals stand in the order they lie in
      rank += energy[k] < energy[i] || (energy[k] == energy[i] && k < i);
    }
    if (rank == COARSE_HALF) median[i / COARSE_ANGLES] = roots[i];
  }
  __syncthreads();
  for (int i = me; i < ALL_BANDS * COARSE_ANGLES; i += blockDim.x) {
    roots[i] -= median[i / COARSE_ANGLES];
  }
  __syncthreads();
  if (me < COARSE_ANGLES) {
    double sum = 0.0;
    for (int band = 0; band < ALL_BANDS; band++) sum += roots[band * COARSE_ANGLES + me];
    score[me] = sum;
  }
  __syncthreads();
  if (!me) {
    peak = coarse_peak(score, seen);
    seen->bands = participation(roots, peak);
  }
  __syncthreads();
  if (me < FINE_ANGLES) {
    i32 coarse = (peak - COARSE_HALF) * COARSE_STEP_MICRODEG;
    shears[me] = shear_of(coarse + (me - FINE_HALF) * FINE_STEP_MICRODEG, strip_px);
  }
}

// The first of the fine angles under which the halves are looked at.
__device__ __forceinline__ int first_near(double place) {
  return min(max((int)rint(place) - HALVES_HALF, 0), FINE_ANGLES - HALVES_ANGLES);
}

// One warp: how far from the peak that of the page's halves lies, each taken alone.
extern "C" __global__ void __launch_bounds__(WARP)
    skew_halves(const u64* __restrict__ energies, SkewSeen* __restrict__ seen) {
  __shared__ double sums[HALVES_ANGLES];
  int me = threadIdx.x;
  if (me < HALVES_ANGLES) {
    double sum = 0.0;
    for (int band = 0; band < 2 * ALL_BANDS; band++) {
      sum += root_of(energies[band * HALVES_ANGLES + me]);
    }
    sums[me] = sum;
  }
  __syncthreads();
  if (me) return;
  Curve curve = {sums, 0, HALVES_ANGLES};
  seen->halves_off = fabs(first_near(seen->place) + vertex_of(curve) - seen->place);
}

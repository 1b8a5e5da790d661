// Turning a page by a small angle, and cutting a box out of it. Twin of `kernels/rotate.py`, which
// has the definition.
#pragma once
#include "types.cuh"

#define RADIAN_PER_MICRODEG 1.7453292519943295e-08

struct Turn {
  i32 c, s, ox, oy;
};

__device__ __forceinline__ i32 rounded(double value) {
  return value >= 0.0 ? (i32)(value + 0.5) : -(i32)(0.5 - value);
}

// One thread. The angle may still be on its way from the skew kernel: so it is read, not passed.
extern "C" __global__ void __launch_bounds__(32)
    turn_of(const i32* __restrict__ angle_microdeg, int width, int height, Turn* turn) {
  if (threadIdx.x) return;
  double a = -(double)*angle_microdeg * RADIAN_PER_MICRODEG, q = a * a;
  double sine =
      a * (1.0 +
           q * (-0.16666666666666666 + q * (0.008333333333333333 + q * -0.0001984126984126984)));
  double cosine =
      1.0 + q * (-0.5 + q * (0.041666666666666664 +
                             q * (-0.001388888888888889 + q * 2.48015873015873e-05)));
  i32 c = rounded(cosine * 65536.0), s = rounded(sine * 65536.0);
  i64 across = width - 1, down = height - 1;
  turn->c = c;
  turn->s = s;
  turn->ox = (i32)(across * 32768 - ((c * across + s * down) >> 1));
  turn->oy = (i32)(down * 32768 - ((-s * across + c * down) >> 1));
}

// What is inside of the page for all four neighbours.
__device__ __forceinline__ bool inside(i32 x0, i32 y0, int width, int height) {
  return x0 >= 0 && y0 >= 0 && x0 <= width - 2 && y0 <= height - 2;
}

__device__ __forceinline__ u32 mixed(const u8* p, int channels, int pitch, i32 fx, u32 fy) {
  i32 p00 = p[0], p01 = p[channels], p10 = p[pitch], p11 = p[pitch + channels];
  u32 a = (u32)((p00 << 8) + (p01 - p00) * fx), b = (u32)((p10 << 8) + (p11 - p10) * fx);
  return ((a * (65535u - fy) >> 16) + (b * fy >> 16) + 129u) >> 8;
}

// A thread makes four bytes of a row of the box, a whole word: `out_pitch` is a multiple of four,
// and the last word of a row may reach into its padding.
extern "C" __global__ void __launch_bounds__(256)
    rotate(const u8* __restrict__ page, int width, int height, int channels, int pitch,
           const Turn* __restrict__ turn, int left, int top, int out_bytes, int out_rows,
           int out_pitch, int fill, u8* __restrict__ out) {
  int first = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
  int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (first >= out_bytes || row >= out_rows) return;
  Turn t = *turn;
  int y = top + row;
  u32 word = 0;
  for (int k = 0; k < 4; k++) {
    int x = left + (first + k) / channels, sample = (first + k) % channels;
    // 16.16 holds what is inside, no side being over 32,767 px; what is so far outside that it
    // wraps lands on the other side of the page, outside again.
    i32 sx = (i32)((u32)t.ox + (u32)t.c * x + (u32)t.s * y);
    i32 sy = (i32)((u32)t.oy - (u32)t.s * x + (u32)t.c * y);
    i32 x0 = sx >> 16, y0 = sy >> 16;
    u32 value = fill;
    if (first + k < out_bytes && inside(x0, y0, width, height)) {
      value = mixed(page + (i64)y0 * pitch + x0 * channels + sample, channels, pitch,
                    (sx >> 8) & 255, sy & 65535);
    }
    word |= value << (8 * k);
  }
  *(u32*)(out + (i64)row * out_pitch + first) = word;
}

// The part of a page inside of a box, as it is.
extern "C" __global__ void __launch_bounds__(256)
    crop(const u8* __restrict__ page, int pitch, int left_bytes, int top, int out_bytes,
         int out_rows, int out_pitch, u8* __restrict__ out) {
  int x = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= out_bytes || row >= out_rows) return;
  out[(i64)row * out_pitch + x] = page[(i64)(top + row) * pitch + left_bytes + x];
}

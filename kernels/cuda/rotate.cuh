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

#define PIXELS_A_THREAD 4
#define MOST_CHANNELS 3

// What is read of a page, and where: a place in 16.16, which wraps. What is inside never does, no
// side being over 32,767 px; what is so far outside that it wraps lands on the other side of the
// page, outside again.
struct Source {
  const u8* page;
  int width, height, pitch;
  u32 sx, sy;
};

__device__ __forceinline__ bool is_inside(const Source* s) {
  i32 x = (i32)s->sx >> 16, y = (i32)s->sy >> 16;
  return x >= 0 && y >= 0 && x <= s->width - 2 && y <= s->height - 2;
}

__device__ __forceinline__ u32 mixed(const u8* p, int channels, int pitch, i32 fx, u32 fy) {
  i32 p00 = p[0], p01 = p[channels], p10 = p[pitch], p11 = p[pitch + channels];
  u32 a = (u32)((p00 << 8) + (p01 - p00) * fx), b = (u32)((p10 << 8) + (p11 - p10) * fx);
  return ((a * (65535u - fy) >> 16) + (b * fy >> 16) + 129u) >> 8;
}

// A thread makes four pixels of a row, whole words: a row has room for them, and the last ones may
// be beyond the box. `channels` is a constant where this is called, so nothing is divided.
__device__ __forceinline__ void turn_pixels(Source s, int channels, const Turn* turn, int fill,
                                            u32* out) {
  u32 words[MOST_CHANNELS] = {0, 0, 0};
#pragma unroll
  for (int k = 0; k < PIXELS_A_THREAD; k++) {
    bool inside = is_inside(&s);
    const u8* p = s.page + (i64)((i32)s.sy >> 16) * s.pitch + ((i32)s.sx >> 16) * channels;
#pragma unroll
    for (int sample = 0; sample < channels; sample++) {
      u32 value = fill;
      if (inside) value = mixed(p + sample, channels, s.pitch, s.sx >> 8 & 255, s.sy & 65535);
      int byte = k * channels + sample;
      words[byte / 4] |= value << (byte % 4 * 8);
    }
    s.sx += (u32)turn->c;
    s.sy -= (u32)turn->s;
  }
#pragma unroll
  for (int k = 0; k < channels; k++) out[k] = words[k];
}

// Where a pixel of the turned page is taken from.
__device__ __forceinline__ Source source_of(const u8* page, int width, int height, int pitch,
                                            const Turn* t, u32 x, u32 y) {
  return {page, width, height, pitch, (u32)t->ox + (u32)t->c * x + (u32)t->s * y,
          (u32)t->oy - (u32)t->s * x + (u32)t->c * y};
}

extern "C" __global__ void __launch_bounds__(256)
    rotate_colour(const u8* __restrict__ page, int width, int height, int pitch,
                  const Turn* __restrict__ turn, int left, int top, int out_width, int out_rows,
                  int out_pitch, int fill, u8* __restrict__ out) {
  int x = PIXELS_A_THREAD * (blockIdx.x * blockDim.x + threadIdx.x);
  int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= out_width || row >= out_rows) return;
  Turn t = *turn;
  Source source = source_of(page, width, height, pitch, &t, left + x, top + row);
  turn_pixels(source, 3, &t, fill, (u32*)(out + (i64)row * out_pitch + 3 * x));
}

extern "C" __global__ void __launch_bounds__(256)
    rotate_gray(const u8* __restrict__ page, int width, int height, int pitch,
                const Turn* __restrict__ turn, int left, int top, int out_width, int out_rows,
                int out_pitch, int fill, u8* __restrict__ out) {
  int x = PIXELS_A_THREAD * (blockIdx.x * blockDim.x + threadIdx.x);
  int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= out_width || row >= out_rows) return;
  Turn t = *turn;
  Source source = source_of(page, width, height, pitch, &t, left + x, top + row);
  turn_pixels(source, 1, &t, fill, (u32*)(out + (i64)row * out_pitch + x));
}

// The part of a page inside of a box, as it is.
extern "C" __global__ void __launch_bounds__(256)
    crop(const u8* __restrict__ page, int pitch, int left_bytes, int top, int out_bytes,
         int out_rows, int out_pitch, u8* __restrict__ out) {
  int x = blockIdx.x * blockDim.x + threadIdx.x, row = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= out_bytes || row >= out_rows) return;
  out[(i64)row * out_pitch + x] = page[(i64)(top + row) * pitch + left_bytes + x];
}

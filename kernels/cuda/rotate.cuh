// Turning a page by a small angle, and cutting a box out of it. Twin of `kernels/rotate.py`, which
// has the definition.
#pragma once
#include "types.cuh"

#define RADIAN_PER_MICRODEG 1.7453292519943295e-08
#define STEPS_A_LANE 4

// Sixteen bytes, to be read at once.
struct __align__(16) Turn {
  i32 c, s, ox, oy;
};

__device__ __forceinline__ i32 rounded(double value) {
  return value >= 0.0 ? (i32)(value + 0.5) : -(i32)(0.5 - value);
}

// One thread. The angle may still be on its way from the skew kernel: then it is read. What is known
// before is passed: a copy has to queue with the pages of others that are on their way up.
extern "C" __global__ void __launch_bounds__(32)
    turn_of(const i32* __restrict__ read, i32 known, int width, int height, Turn* turn) {
  if (threadIdx.x) return;
  double a = -(double)(read ? *read : known) * RADIAN_PER_MICRODEG, q = a * a;
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

// A page that is turned, which begins at a whole word. A byte of it is counted in 32 bits, no side
// being over 32,767 px. Up to twelve bytes after its end are read: its memory has room for that.
struct Source {
  const u8* page;
  u32 width, height, pitch;
};

// Where a pixel of the turned page is taken from, in 16.16, which wraps. What is inside never does,
// no side being over 32,767 px; what is so far outside that it wraps lands on the other side of the
// page, outside again.
struct Place {
  u32 sx, sy;
};

__device__ __forceinline__ Place place_of(const Turn* t, u32 x, u32 y) {
  return {(u32)t->ox + (u32)t->c * x + (u32)t->s * y, (u32)t->oy - (u32)t->s * x + (u32)t->c * y};
}

// The place of the pixel that is a warp's width further right.
__device__ __forceinline__ Place next_of(const Turn* t, Place place) {
  return {place.sx + (u32)t->c * WARP, place.sy - (u32)t->s * WARP};
}

// What is left of the page or above it is, as a number without a sign, beyond any side.
__device__ __forceinline__ bool is_inside(const Source* s, Place place) {
  return place.sx >> 16 < s->width - 1 && place.sy >> 16 < s->height - 1;
}

// Where the upper left of four pixels begins. Of a place outside, the page's first pixel: so every
// lane reads, and none waits for others.
__device__ __forceinline__ u32 upper_left(const Source* s, int channels, Place place) {
  return is_inside(s, place) ? (place.sy >> 16) * s->pitch + (place.sx >> 16) * channels : 0;
}

__device__ __forceinline__ u32 fx_of(Place place) { return __byte_perm(place.sx, 0, 0x4441); }

__device__ __forceinline__ u32 fy_of(Place place) { return place.sy & 65535; }

// What a row gives for a pixel, in 8.8.
struct Mixed {
  u32 blue, green, red;
};

// A pixel and the one right of it are six bytes in three words, which begin at any byte of the
// first. Each sample is laid beside its neighbour, so that one instruction weighs both.
__device__ __forceinline__ Mixed mixed(const u8* page, u32 at, u32 fx) {
  const u32* words = (const u32*)page + (at >> 2);
  u32 middle = words[1], shift = 8 * at;  // of which five bits count
  u32 first = __funnelshift_r(words[0], middle, shift);
  u32 last = __funnelshift_r(middle, words[2], shift);
  u32 blues_greens = __byte_perm(first, last, 0x4130), reds = __byte_perm(first, last, 0x0052);
  u32 weights = fx * 65535 + 256;  // 256 - fx, and fx in the upper half
  return {__dp2a_lo(weights, blues_greens, 0u), __dp2a_hi(weights, blues_greens, 0u),
          __dp2a_lo(weights, reds, 0u)};
}

// Adds the upper halves of what two rows give, and rounds: the last byte is the sample.
__device__ __forceinline__ u32 rounded_sum(u32 upper, u32 lower) {
  return __byte_perm(upper, lower, 0x7632) * 0x10001u + (129u << 16);
}

// Returns a pixel in the first three bytes.
__device__ __forceinline__ u32 colour_at(const Source* s, Place place, u32 fill) {
  u32 at = upper_left(s, 3, place), fx = fx_of(place), fy = fy_of(place), rest = 65535 - fy;
  Mixed a = mixed(s->page, at, fx), b = mixed(s->page, at + s->pitch, fx);
  u32 blue = rounded_sum(a.blue * rest, b.blue * fy);
  u32 green = rounded_sum(a.green * rest, b.green * fy);
  u32 red = rounded_sum(a.red * rest, b.red * fy);
  u32 pixel = __byte_perm(__byte_perm(blue, green, 0x0073), red, 0x0710);
  return is_inside(s, place) ? pixel : fill * 0x10101u;
}

// Returns a sample in the last byte.
__device__ __forceinline__ u32 gray_at(const Source* s, Place place, u32 fill) {
  u32 at = upper_left(s, 1, place), fx = fx_of(place), fy = fy_of(place);
  const u8 *p = s->page + at, *q = p + s->pitch;
  u32 a = p[0] * (256 - fx) + p[1] * fx, b = q[0] * (256 - fx) + q[1] * fx;
  u32 sample = rounded_sum(a * (65535 - fy), b * fy);
  return is_inside(s, place) ? sample : fill << 24;
}

// Of four lanes that have a byte of each of four words, gives every lane the word of its number.
__device__ __forceinline__ u32 word_of_four(u32 bytes, int lane) {
  u32 other = __shfl_xor_sync(EVERY_LANE, bytes, 1);
  bytes = __byte_perm(bytes, other, lane & 1 ? 0x3715 : 0x6240);
  other = __shfl_xor_sync(EVERY_LANE, bytes, 2);
  return __byte_perm(bytes, other, lane & 2 ? 0x3276 : 0x5410);
}

// A lane makes four pixels of a row, a warp's width apart: so at each step lanes side by side read
// and write what lies side by side. Of four lanes three write a word each, from the end of their
// pixel and the beginning of the next one. A row has room for whole words, the last may be beyond
// the box.
extern "C" __global__ void __launch_bounds__(256)
    rotate_colour(const u8* __restrict__ page, int width, int height, int pitch,
                  const Turn* __restrict__ turn, int left, int top, int out_width, int out_rows,
                  int out_pitch, int fill, u8* __restrict__ out) {
  int x = STEPS_A_LANE * WARP * blockIdx.x + threadIdx.x, word = threadIdx.x % 4;
  int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (row >= out_rows) return;
  Source source = {page, (u32)width, (u32)height, (u32)pitch};
  Turn t = *turn;
  Place place = place_of(&t, left + x, top + row);
  u32 bytes = word == 0 ? 0x4210 : word == 1 ? 0x5421 : 0x6542;
  int room = word == 3 ? 0 : out_width - x;
  u32* to = (u32*)(out + (i64)row * out_pitch + 3 * x + word);
#pragma unroll
  for (int step = 0; step < STEPS_A_LANE; step++, place = next_of(&t, place)) {
    u32 pixel = colour_at(&source, place, fill);
    u32 next = __shfl_down_sync(EVERY_LANE, pixel, 1);
    if (step * WARP < room) to[step * WARP * 3 / 4] = __byte_perm(pixel, next, bytes);
  }
}

// The same, but four pixels are a word, so four lanes exchange theirs.
extern "C" __global__ void __launch_bounds__(256)
    rotate_gray(const u8* __restrict__ page, int width, int height, int pitch,
                const Turn* __restrict__ turn, int left, int top, int out_width, int out_rows,
                int out_pitch, int fill, u8* __restrict__ out) {
  int x = STEPS_A_LANE * WARP * blockIdx.x + threadIdx.x, step_of_mine = threadIdx.x % 4;
  int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (row >= out_rows) return;
  Source source = {page, (u32)width, (u32)height, (u32)pitch};
  Turn t = *turn;
  Place place = place_of(&t, left + x, top + row);
  u32 bytes = 0;
#pragma unroll
  for (int step = 0; step < STEPS_A_LANE; step++, place = next_of(&t, place)) {
    bytes = __byte_perm(bytes, gray_at(&source, place, fill), 0x7321);
  }
  u32 word = word_of_four(bytes, step_of_mine);
  x += step_of_mine * WARP - step_of_mine;
  if (x < out_width) *(u32*)(out + (i64)row * out_pitch + x) = word;
}

// The part of a page inside of a box, as it is. A lane makes four words of a row, a warp's width
// apart. A word lies in two of the page, or is one of them: then none is read after it.
extern "C" __global__ void __launch_bounds__(256)
    crop(const u8* __restrict__ page, int pitch, int left_bytes, int top, int out_bytes,
         int out_rows, int out_pitch, u8* __restrict__ out) {
  int x = 4 * (STEPS_A_LANE * WARP * blockIdx.x + threadIdx.x);
  int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (x >= out_bytes || row >= out_rows) return;
  i64 from = (i64)(top + row) * pitch + left_bytes + x;
  const u32 *first = (const u32*)page + (from >> 2), *last = (const u32*)page + ((from + 3) >> 2);
  u32* to = (u32*)(out + (i64)row * out_pitch + x);
  u32 words[STEPS_A_LANE] = {0, 0, 0, 0};
#pragma unroll
  for (int step = 0; step < STEPS_A_LANE; step++) {
    int k = step * WARP;
    if (x + 4 * k < out_bytes) words[step] = __funnelshift_r(first[k], last[k], 8 * (u32)from);
  }
#pragma unroll
  for (int step = 0; step < STEPS_A_LANE; step++) {
    int k = step * WARP;
    if (x + 4 * k < out_bytes) to[k] = words[step];
  }
}

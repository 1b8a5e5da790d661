// First stage: pixels as samples of luma and chroma, by blocks. Twin of `kernels/jpeg/planes.py`.
//
// Rule 1: a place beyond the page takes the nearest pixel; but below the page chroma repeats its
// last row that was halved from two.
// Rule 2: a tile is some MCUs of one row of them. Samples of MCUs and blocks beyond the page are
// made as well, and never used: no thread has a special case.
// Rule 3: pixels are read as whole words: a few bytes around them, which are of the same words of
// memory or of the room there is after each piece.
#pragma once
#include "jpeg_layout.cuh"

#define TILE_BLOCKS 24  // whole MCUs of 1, 3 and 6 blocks
#define TILE_THREADS (TILE_BLOCKS * BLOCK_SIDE)
#define SAMPLES (BLOCK_SIZE + 8)  // in shared memory: blocks begin in different banks
#define AT_ONCE 4                 // pixels of a row that a thread takes

struct JpegPage {
  const u8* pixels;
  int width, height, pitch;
};

// Reads words from any place.
__device__ __forceinline__ void read_words(const u8* from, int count, u32* out) {
  int past = (int)((u64)from & 3);
  const u32* words = (const u32*)(from - past);
  u32 shift = past * 8, low = words[0];
#pragma unroll
  for (int k = 0; k < count; k++) {
    u32 high = words[k + 1];
    out[k] = __funnelshift_r(low, high, shift);
    low = high;
  }
}

// Reads four pixels of a row: B, G and R, and a byte that means nothing.
__device__ __forceinline__ void read_pixels(const JpegPage* page, int x, int y, u32* out) {
  u32 words[3];
  int from = min(x, page->width - 1);
  read_words(page->pixels + (i64)y * page->pitch + (i64)from * 3, 3, words);
  out[0] = words[0];
  out[1] = __funnelshift_r(words[0], words[1], 24);
  out[2] = __funnelshift_r(words[1], words[2], 16);
  out[3] = words[2] >> 8;
#pragma unroll
  for (int k = 1; k < AT_ONCE; k++) {
    if (k >= page->width - from) out[k] = out[k - 1];
  }
}

// Reads eight samples of a row of a gray page.
__device__ __forceinline__ void read_gray(const JpegPage* page, int x, int y, u32* out) {
  int from = min(x, page->width - 1), bits = (page->width - from) * 8;  // up to the page's end
  read_words(page->pixels + (i64)y * page->pitch + from, 2, out);
  if (bits >= BLOCK_SIZE) return;
  u64 kept = (1ull << bits) - 1, row = ((u64)out[1] << 32 | out[0]) & kept;
  row |= (row >> (bits - 8)) * 0x0101010101010101ull & ~kept;
  out[0] = (u32)row;
  out[1] = (u32)(row >> 32);
}

// Luma, Cb and Cr: bits 16 to 23 of numbers of 24. Those below are rounded off.
struct Ycc {
  u32 y, cb, cr;
};

__device__ __forceinline__ u32 weighed(u32 pixel, u32 b, u32 g, u32 r, u32 more) {
  return __dp2a_hi(r, pixel, __dp2a_lo(g << 16 | b, pixel, more));
}

#define HALF 32768
#define MIDDLE ((128 << 16) + HALF - 1 - 255 * HALF)

// Where a weight is negative, 255 - v is weighed in the place of v, which is 255 weights too much:
// in Cb and in Cr the negative ones are -HALF together.
__device__ __forceinline__ Ycc ycc_of(u32 pixel) {
  return {weighed(pixel, 7471, 38470, 19595, HALF),
          weighed(pixel ^ 0xFFFF00, HALF, 21709, 11059, MIDDLE),
          weighed(pixel ^ 0x00FFFF, 5329, 27439, HALF, MIDDLE)};
}

// Returns the samples of four numbers of 24 bits as a word.
__device__ __forceinline__ u32 samples_of(u32 a, u32 b, u32 c, u32 d) {
  return __byte_perm(__byte_perm(a, b, 0x0062), __byte_perm(c, d, 0x0062), 0x5410);
}

// Makes four samples of each component, at a column and a row of the page.
__device__ __forceinline__ void whole(const JpegPage* page, int x, int y, u8* out) {
  u32 pixels[AT_ONCE];
  read_pixels(page, x, min(y, page->height - 1), pixels);
  Ycc a = ycc_of(pixels[0]), b = ycc_of(pixels[1]), c = ycc_of(pixels[2]), d = ycc_of(pixels[3]);
  *(u32*)out = samples_of(a.y, b.y, c.y, d.y);
  *(u32*)(out + SAMPLES) = samples_of(a.cb, b.cb, c.cb, d.cb);
  *(u32*)(out + 2 * SAMPLES) = samples_of(a.cr, b.cr, c.cr, d.cr);
}

// Makes four samples of luma; adds Cb (in the low half) and Cr of the first two to `sums[0]`, of
// the others to `sums[1]`.
__device__ __forceinline__ u32 luma_of_four(const JpegPage* page, int x, int y, u32* sums) {
  u32 pixels[AT_ONCE];
  read_pixels(page, x, y, pixels);
  Ycc ycc[AT_ONCE];
#pragma unroll
  for (int k = 0; k < AT_ONCE; k++) {
    ycc[k] = ycc_of(pixels[k]);
    sums[k / 2] += __byte_perm(ycc[k].cb, ycc[k].cr, 0x7632);
  }
  return samples_of(ycc[0].y, ycc[1].y, ycc[2].y, ycc[3].y);
}

// Makes two samples of Cb and of Cr, at a row of the page's chroma, and the luma that they cover.
__device__ __forceinline__ void halved(const JpegPage* page, int x, int row, u8* luma, u8* chroma) {
  int last = (page->height + 1) / 2 - 1, from = min(row, last);
  u32 sums[2] = {0x00010001, 0x00020002};  // the halves go down and up in turn
  u32 above = luma_of_four(page, x, 2 * from, sums);
  u32 below = luma_of_four(page, x, min(2 * from + 1, page->height - 1), sums);
  *(u32*)luma = row > last ? below : above;
  *(u32*)(luma + BLOCK_SIDE) = below;
  u32 left = sums[0] >> 2, right = sums[1] >> 2;
  *(u16*)chroma = (u16)__byte_perm(left, right, 0x0040);
  *(u16*)(chroma + SAMPLES) = (u16)__byte_perm(left, right, 0x0062);
}

// Fills the samples of a tile of a colour page: of its first MCU the first pixel is at x and y.
// Neighbouring threads take neighbouring pixels, over the borders of MCUs.
__device__ __forceinline__ void fill_tile(const JpegPage* page, int side, int x, int y, u8* tile) {
  int an_mcu = blocks_an_mcu(side, 3), fours = side * BLOCK_SIDE / AT_ONCE;
  int in_row = TILE_BLOCKS / an_mcu * fours;
  int four = threadIdx.x % in_row, row = threadIdx.x / in_row;
  if (row >= BLOCK_SIDE) return;
  u8* mcu = tile + four / fours * an_mcu * SAMPLES;
  int column = four % fours * AT_ONCE;
  if (side == 1) {
    whole(page, x + four * AT_ONCE, y + row, mcu + row * BLOCK_SIDE + column);
    return;
  }
  int block = row / 4 * 2 + column / BLOCK_SIDE;
  u8* luma = mcu + block * SAMPLES + row % 4 * 2 * BLOCK_SIDE + column % BLOCK_SIDE;
  u8* chroma = mcu + 4 * SAMPLES + row * BLOCK_SIDE + column / 2;
  halved(page, x + four * AT_ONCE, (int)((u32)y / 2) + row, luma, chroma);
}

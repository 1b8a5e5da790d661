// First stage: pixels as samples of luma and chroma, by blocks. Twin of `kernels/jpeg/planes.py`.
//
// Rule 1: a place beyond the page takes the nearest pixel; but below the page chroma repeats its
// last row that was halved from two.
// Rule 2: samples of dummy blocks are made as well, and never used: no thread has a special case.
#pragma once
#include "jpeg_layout.cuh"

#define TILE_BLOCKS 24  // whole MCUs of 1, 3 and 6 blocks
#define TILE_THREADS (TILE_BLOCKS * BLOCK_SIDE)

struct JpegPage {
  const u8* pixels;
  int width, height, channels, pitch;
};

// Luma, Cb and Cr: 16 bits of fraction are rounded off.
struct Ycc {
  i32 y, cb, cr;
};

#define HALF 32768
#define MIDDLE ((128 << 16) + HALF - 1)

__device__ __forceinline__ Ycc ycc_at(const JpegPage* page, int x, int y) {
  const u8* p = page->pixels + (i64)y * page->pitch + (i64)min(x, page->width - 1) * 3;
  i32 b = p[0], g = p[1], r = p[2];
  return {(19595 * r + 38470 * g + 7471 * b + HALF) >> 16,
          (-11059 * r - 21709 * g + 32768 * b + MIDDLE) >> 16,
          (32768 * r - 27439 * g - 5329 * b + MIDDLE) >> 16};
}

// Places a sample of luma by its row and column within its MCU.
__device__ __forceinline__ void place_luma(u8* mcu, int side, int y, int x, i32 sample) {
  int block = y / BLOCK_SIDE * side + x / BLOCK_SIDE;
  mcu[block * BLOCK_SIZE + y % BLOCK_SIDE * BLOCK_SIDE + x % BLOCK_SIDE] = (u8)sample;
}

// Makes one sample of chroma, at a row and a column of the page's chroma, and the luma it covers.
__device__ __forceinline__ void halved(const JpegPage* page, int row, int column, u8* mcu) {
  int last = (page->height + 1) / 2 - 1, from = min(row, last);
  int lower = min(2 * from + 1, page->height - 1);
  int y = row % BLOCK_SIDE, x = column % BLOCK_SIDE;
  i32 cb = 1 + column % 2, cr = cb;  // the halves go down and up in turn
  for (int k = 0; k < 2; k++) {
    Ycc above = ycc_at(page, 2 * column + k, 2 * from);
    Ycc below = ycc_at(page, 2 * column + k, lower);
    cb += above.cb + below.cb;
    cr += above.cr + below.cr;
    place_luma(mcu, 2, 2 * y, 2 * x + k, row > last ? below.y : above.y);
    place_luma(mcu, 2, 2 * y + 1, 2 * x + k, below.y);
  }
  u8* chroma = mcu + 4 * BLOCK_SIZE + y * BLOCK_SIDE + x;
  chroma[0] = (u8)(cb >> 2);
  chroma[BLOCK_SIZE] = (u8)(cr >> 2);
}

// The same where chroma has the resolution of the page, or there is none.
__device__ __forceinline__ void whole(const JpegPage* page, int row, int column, u8* mcu) {
  u8* place = mcu + row % BLOCK_SIDE * BLOCK_SIDE + column % BLOCK_SIDE;
  int y = min(row, page->height - 1);
  if (page->channels == 1) {
    *place = page->pixels[(i64)y * page->pitch + min(column, page->width - 1)];
    return;
  }
  Ycc sample = ycc_at(page, column, y);
  place[0] = (u8)sample.y;
  place[BLOCK_SIZE] = (u8)sample.cb;
  place[2 * BLOCK_SIZE] = (u8)sample.cr;
}

// Fills the samples of the tile's blocks. Neighbouring threads take neighbouring columns, over the
// borders of MCUs. MCUs after the last one are the last one again.
__device__ __forceinline__ void fill_tile(const JpegPage* page, const JpegLayout* l, int first_mcu,
                                          u8* tile) {
  int mcus = TILE_BLOCKS / l->an_mcu;
  for (int i = threadIdx.x; i < mcus * BLOCK_SIZE; i += TILE_THREADS) {
    int in_tile = i / BLOCK_SIDE % mcus;
    int mcu = min(first_mcu + in_tile, l->down * l->across - 1);
    int row = mcu / l->across * BLOCK_SIDE + i / BLOCK_SIDE / mcus;
    int column = mcu % l->across * BLOCK_SIDE + i % BLOCK_SIDE;
    u8* samples = tile + in_tile * l->an_mcu * BLOCK_SIZE;
    if (l->side == 2) {
      halved(page, row, column, samples);
    } else {
      whole(page, row, column, samples);
    }
  }
}

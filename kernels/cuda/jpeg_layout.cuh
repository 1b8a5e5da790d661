// What the kernels of a JPEG share: its tables, and where its blocks lie, as
// `kernels/jpeg/planes.py` has it.
//
// Rule 1: blocks are counted in the order of the file: unit (MCU) by unit, in each luma first.
#pragma once
#include "types.cuh"

#define BLOCK_SIDE 8
#define BLOCK_SIZE 64

// Of the launcher, see `jpeg.py`.
struct JpegTables {
  u32 codes[4][256];       // DC and AC of luma, DC and AC of chroma: code << 8 | bits of the code
  u16 divisors[2][3][64];  // of luma and of chroma: half, multiplier and shift, row by row
  u8 zigzag[64];           // row by row: the place in the order of the file
};

struct JpegLayout {
  int side;                     // of an MCU, in blocks of luma
  int luma, an_mcu;             // blocks of an MCU: of luma, and of all components
  int down, across;             // MCUs
  int luma_down, luma_across;   // blocks that hold a sample of the page; others are dummies
  int blocks;                   // all of them
};

__device__ __forceinline__ JpegLayout jpeg_layout(int width, int height, int channels, int side) {
  JpegLayout l;
  int step = BLOCK_SIDE * side;
  l.side = side;
  l.luma = side * side;
  l.an_mcu = l.luma + channels - 1;
  l.down = (height + step - 1) / step;
  l.across = (width + step - 1) / step;
  l.luma_down = (height + BLOCK_SIDE - 1) / BLOCK_SIDE;
  l.luma_across = (width + BLOCK_SIDE - 1) / BLOCK_SIDE;
  l.blocks = l.down * l.across * l.an_mcu;
  return l;
}

// What the kernels of a JPEG share: its tables, and the order of its blocks, as
// `kernels/jpeg/planes.py` has it.
//
// Rule 1: blocks are counted in the order of the file: unit (MCU) by unit, in each luma first.
// Rule 2: an MCU has `side` x `side` blocks of luma. What is called with it and with the number of
// channels is inlined with constants: nothing is divided by a number that only the card knows.
#pragma once
#include "types.cuh"

#define BLOCK_SIDE 8
#define BLOCK_SIZE 64

// Of the launcher, see `jpeg.py`. What quantising takes is of luma and of chroma, row by row: x is
// the first number above 2^32 / d, y the place in the order of the file, in bytes.
struct JpegTables {
  u32 codes[4][256];  // DC and AC of luma, DC and AC of chroma: code << 8 | bits of the code
  uint2 quantisers[2][BLOCK_SIZE];
};

__device__ __forceinline__ int blocks_an_mcu(int side, int channels) {
  return side * side + channels - 1;
}

// Gray rows as black and white: whether they are, made so, packed. Twin of `kernels/g4/rows.py`.
//
// Rule 1: of a packed row the first pixel is the highest bit of a word, 1 is black, and what comes
// after the width is white.
#pragma once
#include "types.cuh"

#define SAMPLES_A_WORD 4

// A thread makes a word of a row, black where a sample is below `level`; `out_pitch` is a multiple
// of four, and the last word of a row may reach into its padding.
extern "C" __global__ void __launch_bounds__(256)
    black_and_white(const u8* __restrict__ page, int width, int height, int pitch, int level,
                    int out_pitch, u8* __restrict__ out) {
  int first = SAMPLES_A_WORD * (blockIdx.x * blockDim.x + threadIdx.x);
  int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (first >= width || row >= height) return;
  const u8* samples = page + (i64)row * pitch + first;
  u32 word = 0;
  for (int k = 0; k < SAMPLES_A_WORD && first + k < width; k++) {
    word |= (samples[k] < level ? 0u : 255u) << (8 * k);
  }
  *(u32*)(out + (i64)row * out_pitch + first) = word;
}

// Sets a flag, cleared before, if any sample is neither 0 nor 255.
extern "C" __global__ void __launch_bounds__(256)
    other_than_bilevel(const u8* __restrict__ page, int width, int height, int pitch, u32* flag) {
  int first = SAMPLES_A_WORD * (blockIdx.x * blockDim.x + threadIdx.x);
  int row = blockIdx.y * blockDim.y + threadIdx.y;
  if (first >= width || row >= height) return;
  const u8* samples = page + (i64)row * pitch + first;
  bool other = false;
  for (int k = 0; k < SAMPLES_A_WORD && first + k < width; k++) {
    other |= 0 < samples[k] && samples[k] < 255;
  }
  if (other) *flag = 1;  // whoever comes last writes the same
}

// A warp packs 32 pixels of each of its block's rows into a word. Row 0 of the result is white:
// what lies above the page; the rows of the page follow.
extern "C" __global__ void __launch_bounds__(256)
    pack_rows(const u8* __restrict__ page, int width, int height, int pitch, int level,
              int words_a_row, u32* __restrict__ packed) {
  int x = blockIdx.x * blockDim.x + threadIdx.x, word = x / WARP;
  for (i64 row = blockIdx.y; row <= height; row += gridDim.y) {
    bool black = row > 0 && x < width && page[(row - 1) * pitch + x] < level;
    u32 pixels = __brev(__ballot_sync(EVERY_LANE, black));
    if (x % WARP == 0 && word < words_a_row) packed[row * words_a_row + word] = pixels;
  }
}

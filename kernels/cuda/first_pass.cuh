// One read of a page: luma, half luma, ink by strips and by cells. Twin of `kernels/first_pass.py`,
// which has the definitions.
//
// Rule 1: what lies beyond the page is white, so it has no ink.
#pragma once
#include "levels.cuh"

#define CELL_PX 32
#define CELLS_A_BLOCK 8
#define WHITE 255u
#define LINE_WORDS 9

// The luma of a pixel, and how far its samples are spread.
struct Seen {
  u32 luma, spread;
};

__device__ __forceinline__ Seen seen_at(const u8* page, int channels, int pitch, int y, int x) {
  const u8* p = page + (i64)y * pitch + (i64)x * channels;
  if (channels == 1) return {p[0], 0};
  u32 b = p[0], g = p[1], r = p[2];
  return {luma_of(b, g, r), max(max(b, g), r) - min(min(b, g), r)};
}

// The ink of one row of a cell in some strips, from four pixels a word: no sum passes 16 bits.
__device__ __forceinline__ u32 ink_of_words(const u32* words, int count) {
  u32 pairs = 0;
  for (int k = 0; k < count; k++) pairs += (words[k] & 0xFF00FFu) + (words[k] >> 8 & 0xFF00FFu);
  return (pairs & 0xFFFF) + (pairs >> 16);
}

__device__ __forceinline__ u32 most_of_warp(u32 value) {
  for (int reach = WARP / 2; reach; reach >>= 1) {
    value = max(value, __shfl_xor_sync(EVERY_LANE, value, reach));
  }
  return value;
}

// A warp reads a cell of 32 x 32 px, a lane each of its columns; eight cells side by side a block.
// Of a gray page no luma is written: it is the page. `strip` is 8, 16 or 32. Rows are summed from
// what all lanes left in `inked`, a lane each of the rows: nine words a line, so that 32 lines
// begin in 32 banks.
extern "C" __global__ void __launch_bounds__(256)
    read_page(const u8* __restrict__ page, int height, int width, int channels, int pitch,
              int strip, const PageLevels* __restrict__ levels, u8* luma, u8* half, u16* rows,
              u16* columns, u8* cells) {
  __shared__ u32 inked[CELLS_A_BLOCK][CELL_PX][LINE_WORDS];
  int lane = threadIdx.x, cell = blockIdx.x * CELLS_A_BLOCK + threadIdx.y;
  if (cell * CELL_PX >= width) return;
  u32(*lines)[LINE_WORDS] = inked[threadIdx.y];
  int x = cell * CELL_PX + lane, top = blockIdx.y * CELL_PX;
  int half_width = max(1, width / 2), half_height = max(1, height / 2);
  bool thin = min(height, width) < 2;  // nothing to average across the short side
  u32 threshold = levels->threshold, clamp = levels->ink_clamp;
  u32 most = 0, spread = 0, column = 0, pair = 0;
  for (int line = 0; line < CELL_PX; line++) {
    int y = top + line;
    bool inside = x < width && y < height;
    Seen seen = {WHITE, 0};
    if (inside) seen = seen_at(page, channels, pitch, y, x);
    if (inside && channels != 1) luma[(i64)y * width + x] = seen.luma;
    u32 ink = seen.luma < threshold ? min(threshold - seen.luma, clamp) : 0;
    ((u8*)lines[line])[lane] = ink;
    most = max(most, ink);
    spread = max(spread, seen.spread);
    column += ink;
    if ((line & (strip - 1)) == strip - 1) {
      if (inside) columns[(i64)(y / strip) * width + x] = column;
      column = 0;
    }
    u32 both = seen.luma + __shfl_down_sync(EVERY_LANE, seen.luma, 1);
    if (line % 2 == 0) {
      pair = thin ? seen.luma : both;
    } else if (x % 2 == 0 && x / 2 < half_width && y / 2 < half_height) {
      half[(i64)(y / 2) * half_width + x / 2] = thin ? pair : (pair + both + 2) >> 2;
    }
  }
  __syncwarp();
  int y = top + lane, strips = CELL_PX / strip;
  for (int k = 0; k < strips && y < height; k++) {
    if (cell * strips + k >= width / strip) break;
    u32 sum = ink_of_words(lines[lane] + k * strip / 4, strip / 4);
    rows[(i64)(cell * strips + k) * height + y] = sum;
  }
  most = most_of_warp(most);
  spread = most_of_warp(spread);
  if (lane) return;
  u8* statistics = cells + 2 * ((i64)blockIdx.y * ((width + CELL_PX - 1) / CELL_PX) + cell);
  statistics[0] = most;
  statistics[1] = spread;
}

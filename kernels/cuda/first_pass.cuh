// One read of a page: luma, half luma, ink by strips and by cells. Twin of `kernels/first_pass.py`,
// which has the definitions.
//
// Rule 1: what lies beyond the page is read at its border: no maximum of a cell changes by it, and
// no sum that is kept has it.
#pragma once
#include "levels.cuh"

#define CELL_PX 32
#define CELLS_A_BLOCK 8
#define LINE_WORDS 9
#define LINES_AHEAD 4  // strips are whole multiples of it

// The luma of a pixel, and how far its samples are spread.
struct Seen {
  u32 luma, spread;
};

__device__ __forceinline__ Seen seen_at(const u8* p, int channels) {
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

// What a page is read into, see `read_page`.
struct FirstPass {
  u8 *luma, *half;
  u16 *rows, *columns;
  u8* cells;
};

// A warp reads a cell of 32 x 32 px, a lane each of its columns. Rows are summed from what all lanes
// left in `lines`, a lane each of the rows. `channels` is a constant where this is called; some lines
// are read before the first of them is used.
__device__ __forceinline__ void read_cell(const u8* __restrict__ page, int channels, int height,
                                          int width, int pitch, int strip, int cell, int top,
                                          const PageLevels* __restrict__ levels,
                                          u32 (*lines)[LINE_WORDS], FirstPass out) {
  int lane = threadIdx.x, x = cell * CELL_PX + lane, strip_row = top / strip;
  int half_width = max(1, width / 2), half_height = max(1, height / 2);
  bool thin = min(height, width) < 2;  // nothing to average across the short side
  u32 threshold = levels->threshold, clamp = levels->ink_clamp;
  u32 most = 0, spread = 0, column = 0, pair = 0;
  const u8* samples = page + (i64)min(x, width - 1) * channels;
  for (int first = 0; first < CELL_PX; first += LINES_AHEAD) {
    Seen ahead[LINES_AHEAD];
#pragma unroll
    for (int k = 0; k < LINES_AHEAD; k++) {
      ahead[k] = seen_at(samples + (i64)min(top + first + k, height - 1) * pitch, channels);
    }
#pragma unroll
    for (int k = 0; k < LINES_AHEAD; k++) {
      int y = top + first + k;
      Seen seen = ahead[k];
      if (channels != 1 && x < width && y < height) out.luma[(i64)y * width + x] = seen.luma;
      u32 ink = seen.luma < threshold ? min(threshold - seen.luma, clamp) : 0;
      ((u8*)lines[first + k])[lane] = ink;
      most = max(most, ink);
      spread = max(spread, seen.spread);
      column += ink;
      u32 both = seen.luma + __shfl_down_sync(EVERY_LANE, seen.luma, 1);
      if (k % 2 == 0) {
        pair = thin ? seen.luma : both;
      } else if (x % 2 == 0 && x / 2 < half_width && y / 2 < half_height) {
        out.half[(i64)(y / 2) * half_width + x / 2] = thin ? pair : (pair + both + 2) >> 2;
      }
    }
    int next = first + LINES_AHEAD;
    if (next & (strip - 1)) continue;
    if (x < width && top + next <= height) out.columns[(i64)strip_row * width + x] = column;
    strip_row++;
    column = 0;
  }
  __syncwarp();
  int y = top + lane, strips = CELL_PX / strip;
  for (int k = 0; k < strips && y < height; k++) {
    if (cell * strips + k >= width / strip) break;
    u32 sum = ink_of_words(lines[lane] + k * strip / 4, strip / 4);
    out.rows[(i64)(cell * strips + k) * height + y] = sum;
  }
  most = most_of_warp(most);
  spread = most_of_warp(spread);
  if (lane) return;
  int across = (width + CELL_PX - 1) / CELL_PX;
  u8* statistics = out.cells + 2 * ((i64)(top / CELL_PX) * across + cell);
  statistics[0] = most;
  statistics[1] = spread;
}

// Eight cells side by side a block. Of a gray page no luma is written: it is the page. `strip` is
// 8, 16 or 32. Nine words a line, so that 32 lines begin in 32 banks.
extern "C" __global__ void __launch_bounds__(256)
    read_page(const u8* __restrict__ page, int height, int width, int channels, int pitch,
              int strip, const PageLevels* __restrict__ levels, u8* luma, u8* half, u16* rows,
              u16* columns, u8* cells) {
  __shared__ u32 inked[CELLS_A_BLOCK][CELL_PX][LINE_WORDS];
  int cell = blockIdx.x * CELLS_A_BLOCK + threadIdx.y, top = blockIdx.y * CELL_PX;
  if (cell * CELL_PX >= width) return;
  FirstPass out = {luma, half, rows, columns, cells};
  u32(*lines)[LINE_WORDS] = inked[threadIdx.y];
  if (channels == 1) {
    read_cell(page, 1, height, width, pitch, strip, cell, top, levels, lines, out);
  } else {
    read_cell(page, 3, height, width, pitch, strip, cell, top, levels, lines, out);
  }
}

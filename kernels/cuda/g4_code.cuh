// The T.6 code of packed rows. Twin of `kernels/g4/coder.py`.
//
// Rule 1: a thread codes a row by itself, against the row above in the source, into room of its
// own; then the rows are moved to where they belong, a warp a row.
// Rule 2: a warp codes few rows: each goes its own way, and what its lanes do not do together they
// do one after the other. A page has not rows enough to miss the lanes that stand by.
// Rule 3: no search for a change goes back behind the one before it: a row is read a few times,
// however little it is like the row above.
#pragma once
#include "bits.cuh"
#include "g4_rows.cuh"

#define CODING_THREADS 64
#define LANES_A_ROW 16
#define LONGEST_RUN 2623
#define LONGEST_MAKE_UP 2560
#define VERTICAL_REACH 3
#define ALL_WHITE 0u  // a word of that colour
#define ALL_BLACK 0xFFFFFFFFu

// Of the launcher, see `g4.py`. An entry is a code << 5 | its length, as in `kernels/g4/codes.py`.
struct G4Codes {
  u32 runs[2][LONGEST_RUN + 1];  // white, black
  u32 vertical[2 * VERTICAL_REACH + 1];
  u32 pass, horizontal, make_up_2560, end_of_line;
};

// Returns the first column beyond `after` where a row changes from a colour to the other one, or
// `end` if that is not before it. Before the first column lies white.
__device__ __forceinline__ int next_change(const u32* row, int after, u32 colour, int end) {
  int x = after + 1;
  if (x >= end) return end;
  int word = x / WARP, words = (end + WARP - 1) / WARP;
  u32 before = word ? row[word - 1] << 31 : 0, reach = EVERY_LANE >> (x % WARP);
  for (; word < words; word++) {
    u32 pixels = row[word];
    u32 changes = (pixels ^ (pixels >> 1 | before)) & (pixels ^ colour) & reach;
    if (changes) return min(WARP * word + __clz((i32)changes), end);
    before = pixels << 31;
    reach = EVERY_LANE;
  }
  return end;
}

// Where a thread writes, and with what.
struct RowWriter {
  u32* words;
  int filled;
  Held held;
  const G4Codes* codes;
};

__device__ __forceinline__ void put_entry(RowWriter* out, u32 entry) {
  u32 word;
  if (append(&out->held, entry >> 5, entry & 31, &word)) out->words[out->filled++] = word;
}

__device__ __forceinline__ void put_run(RowWriter* out, u32 colour, int length) {
  for (; length > LONGEST_RUN; length -= LONGEST_MAKE_UP) {
    put_entry(out, out->codes->make_up_2560);
  }
  put_entry(out, out->codes->runs[colour & 1][length]);
}

__device__ __forceinline__ void code_row(const u32* row, const u32* above, int width,
                                         RowWriter* out) {
  u32 colour = ALL_WHITE;
  int a0 = -1, a1 = next_change(row, a0, ALL_WHITE, width);
  // Beyond a0, the change away from the colour at a0, and the one towards it.
  int b1 = next_change(above, a0, ALL_WHITE, width);
  int other = next_change(above, a0, ALL_BLACK, width);
  while (a0 < width) {
    if (b1 <= a0) b1 = next_change(above, a0, colour, width);
    int b2 = b1 < a1 ? next_change(above, b1, ~colour, a1) : a1;
    int by = a1 - b1;
    if (b2 < a1) {
      put_entry(out, out->codes->pass);
      a0 = b2;
    } else if (-VERTICAL_REACH <= by && by <= VERTICAL_REACH) {
      put_entry(out, out->codes->vertical[by + VERTICAL_REACH]);
      a0 = a1;
      colour = ~colour;
      int swapped = b1;
      b1 = other;
      other = swapped;
      a1 = next_change(row, a0, colour, width);
    } else {
      int a2 = next_change(row, a1, ~colour, width);
      put_entry(out, out->codes->horizontal);
      put_run(out, colour, a1 - max(a0, 0));
      put_run(out, ~colour, a2 - a1);
      a0 = a2;
      a1 = next_change(row, a0, colour, width);
    }
  }
}

// Codes each row into room for `room` words, and says how many bits it takes. The last one brings
// EOFB, the end of the page.
extern "C" __global__ void __launch_bounds__(CODING_THREADS)
    g4_code_rows(const u32* __restrict__ packed, int width, int height, int words_a_row,
                 const G4Codes* __restrict__ codes, int room, u32* __restrict__ coded,
                 u64* __restrict__ bits) {
  int y = (blockIdx.x * CODING_THREADS + threadIdx.x) / LANES_A_ROW;
  if (threadIdx.x % LANES_A_ROW || y >= height) return;
  const u32* above = packed + (i64)y * words_a_row;
  RowWriter out = {coded + (i64)y * room, 0, {0, 0}, codes};
  code_row(above + words_a_row, above, width, &out);
  if (y == height - 1) {
    put_entry(&out, codes->end_of_line);
    put_entry(&out, codes->end_of_line);
  }
  bits[y] = (u64)out.filled * WORD_BITS + out.held.count;
  if (out.held.count) out.words[out.filled] = rest_of(&out.held);
}

// ORs each row's code into cleared words. A word takes the end of one word and the beginning of the
// next; `starts` has been the bits of each row.
extern "C" __global__ void __launch_bounds__(256)
    g4_join_rows(const u32* __restrict__ coded, int height, int room,
                 const u64* __restrict__ starts, const u64* __restrict__ total, u32* words) {
  int lane = threadIdx.x % WARP, y = blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP;
  if (y >= height) return;
  u64 start = starts[y], end = y == height - 1 ? *total : starts[y + 1];
  int shift = (int)(start % WORD_BITS), count = (int)((end - start + WORD_BITS - 1) / WORD_BITS);
  const u32* source = coded + (i64)y * room;
  u32* target = words + start / WORD_BITS;
  int touched = (int)((end - 1) / WORD_BITS - start / WORD_BITS) + 1;
  for (int k = lane; k < touched; k += WARP) {
    u64 earlier = k > 0 ? source[k - 1] : 0, here = k < count ? source[k] : 0;
    atomicOr(&target[k], in_file_order((u32)((earlier << WORD_BITS | here) >> shift)));
  }
}

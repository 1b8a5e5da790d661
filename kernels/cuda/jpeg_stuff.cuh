// Last stage: the bytes of the scan, with a zero after each 255 (T.81, B.1.1.5).
//
// Rule 1: a tile of 4,096 bytes is counted, then copied to where the zeros before it leave it.
// Rule 2: how many bytes there are only the card knows: blocks take tile after tile to the end.
#pragma once
#include "bits.cuh"
#include "scan.cuh"

#define STUFFED_THREADS 256
#define BYTES_A_THREAD 16
#define STUFFED_TILE (STUFFED_THREADS * BYTES_A_THREAD)

__device__ __forceinline__ i64 whole_bytes(const u64* bits) { return (i64)((*bits + 7) / 8); }

__device__ __forceinline__ i64 stuffed_tiles(i64 bytes) {
  return (bytes + STUFFED_TILE - 1) / STUFFED_TILE;
}

// Returns how many bytes of a word are 255: of those that have the highest bit, those that one more
// in the others would carry into.
__device__ __forceinline__ int full_bytes(u32 word) {
  return __popc(((word & 0x7F7F7F7F) + 0x01010101) & word & 0x80808080);
}

// Reads a thread's bytes, 0 in words after the last one; returns how many are 255.
__device__ __forceinline__ int read_bytes(const u32* words, i64 first, i64 bytes, u32* mine) {
  uint4 read = {0, 0, 0, 0};
  if (first < bytes) read = *(const uint4*)(words + first / 4);  // there is room after the last one
  mine[0] = read.x;
  mine[1] = first + 4 < bytes ? read.y : 0;
  mine[2] = first + 8 < bytes ? read.z : 0;
  mine[3] = first + 12 < bytes ? read.w : 0;
  return full_bytes(mine[0]) + full_bytes(mine[1]) + full_bytes(mine[2]) + full_bytes(mine[3]);
}

extern "C" __global__ void __launch_bounds__(STUFFED_THREADS)
    jpeg_count_full(const u32* __restrict__ words, const u64* __restrict__ bits,
                    u64* __restrict__ tiles) {
  i64 bytes = whole_bytes(bits), count = stuffed_tiles(bytes);
  for (i64 tile = blockIdx.x; tile < count; tile += gridDim.x) {
    u32 mine[BYTES_A_THREAD / 4];
    i64 first = tile * STUFFED_TILE + threadIdx.x * BYTES_A_THREAD;
    u64 total;
    sum_before(read_bytes(words, first, bytes, mine), &total);
    if (threadIdx.x == 0) tiles[tile] = total;
  }
}

// One block: the zeros before each tile, and how long the stuffed scan is.
extern "C" __global__ void __launch_bounds__(1024)
    jpeg_length(u64* __restrict__ tiles, const u64* __restrict__ bits, u64* __restrict__ length) {
  i64 bytes = whole_bytes(bits);
  u64 zeros = sums_before(tiles, stuffed_tiles(bytes));
  if (threadIdx.x == 0) *length = bytes + zeros;
}

// Copies the bytes from `first` to `end`, to where whole words begin as well. Of the word at either
// end the other bytes are of another tile.
__device__ __forceinline__ void copy_words(const u32* from, int first, int end, u8* to) {
  for (int i = 4 * threadIdx.x; i < end; i += 4 * STUFFED_THREADS) {
    if (i >= first && i + 4 <= end) {
      *(u32*)(to + i) = from[i / 4];
      continue;
    }
#pragma unroll 1
    for (int k = max(i, first); k < min(i + 4, end); k++) to[k] = ((const u8*)from)[k];
  }
}

extern "C" __global__ void __launch_bounds__(STUFFED_THREADS)
    jpeg_stuff(const u32* __restrict__ words, const u64* __restrict__ bits,
               const u64* __restrict__ tiles, u8* __restrict__ out) {
  __shared__ u32 stuffed[2 * STUFFED_TILE / 4 + 1];
  i64 bytes = whole_bytes(bits), count = stuffed_tiles(bytes);
  for (i64 tile = blockIdx.x; tile < count; tile += gridDim.x) {
    u32 mine[BYTES_A_THREAD / 4];
    i64 start = tile * STUFFED_TILE, first = start + threadIdx.x * BYTES_A_THREAD;
    u64 zeros;
    u64 before = sum_before(read_bytes(words, first, bytes, mine), &zeros);
    u8* target = out + start + tiles[tile];
    int past = (int)((u64)target & 3);  // bytes of the word in which the tile begins
    u8* place = (u8*)stuffed + past + threadIdx.x * BYTES_A_THREAD + before;
    int left = (int)min(max(bytes - first, 0ll), (i64)BYTES_A_THREAD);
#pragma unroll
    for (int k = 0; k < BYTES_A_THREAD; k++) {
      if (k >= left) continue;
      u32 byte = mine[k / 4] >> (k % 4 * 8) & 255;
      *place++ = (u8)byte;
      if (byte == 255) *place++ = 0;
    }
    __syncthreads();
    int end = past + (int)(min(bytes - start, (i64)STUFFED_TILE) + (i64)zeros);
    copy_words(stuffed, past, end, target - past);
    __syncthreads();
  }
}

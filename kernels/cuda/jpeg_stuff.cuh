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

// Reads a thread's bytes, 0 after the last one; returns how many are 255.
__device__ __forceinline__ int read_bytes(const u32* words, i64 first, i64 bytes, u32* mine) {
  int full = 0;
  for (int k = 0; k < BYTES_A_THREAD / 4; k++) {
    i64 at = first + 4 * k;
    mine[k] = at < bytes ? words[at / 4] : 0;
    for (int shift = 0; shift < WORD_BITS; shift += 8) full += (mine[k] >> shift & 255) == 255;
  }
  return full;
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

extern "C" __global__ void __launch_bounds__(STUFFED_THREADS)
    jpeg_stuff(const u32* __restrict__ words, const u64* __restrict__ bits,
               const u64* __restrict__ tiles, u8* __restrict__ out) {
  __shared__ u8 stuffed[2 * STUFFED_TILE];
  i64 bytes = whole_bytes(bits), count = stuffed_tiles(bytes);
  for (i64 tile = blockIdx.x; tile < count; tile += gridDim.x) {
    u32 mine[BYTES_A_THREAD / 4];
    i64 start = tile * STUFFED_TILE, first = start + threadIdx.x * BYTES_A_THREAD;
    u64 zeros;
    u64 before = sum_before(read_bytes(words, first, bytes, mine), &zeros);
    int place = threadIdx.x * BYTES_A_THREAD + (int)before;
    for (int k = 0; k < BYTES_A_THREAD; k++) {
      if (first + k >= bytes) continue;
      u32 byte = mine[k / 4] >> (k % 4 * 8) & 255;
      stuffed[place++] = (u8)byte;
      if (byte == 255) stuffed[place++] = 0;
    }
    __syncthreads();
    int size = (int)(min(bytes - start, (i64)STUFFED_TILE) + (i64)zeros);
    u8* target = out + start + tiles[tile];
    for (int i = threadIdx.x; i < size; i += STUFFED_THREADS) target[i] = stuffed[i];
    __syncthreads();
  }
}

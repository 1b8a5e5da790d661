// CUDA C as C++17: what its words mean on the CPU. Goes before a kernel source, see build.py.
//
// Left out, and so refused by the compiler: dynamic shared memory, float atomics, __activemask,
// cooperative groups, textures. Warp operations take the full mask only. Memory is as strongly
// ordered as on x86: a missing __threadfence is not seen.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <type_traits>

#include "launch.h"

#define __CUDA_ARCH__ 750
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __noinline__ __attribute__((noinline))
#define __restrict__ __restrict
#define __align__(n) alignas(n)
#define __constant__ constexpr
#define __launch_bounds__(...)
#define __shared__ static __attribute__((section("cuda_shared")))

#define CUDA_ON_CPU_HERE(name)                                            \
  ([]() -> const cuda_on_cpu::Place* {                                    \
    static constexpr cuda_on_cpu::Place here = {name, __FILE__, __LINE__}; \
    return &here;                                                         \
  }())

// Macros, because only they know from where they are called.
#define __syncthreads() cuda_on_cpu::barrier(CUDA_ON_CPU_HERE("__syncthreads"), 0)
#define __syncthreads_count(v) \
  int(cuda_on_cpu::barrier(CUDA_ON_CPU_HERE("__syncthreads_count"), (v) != 0))
#define __syncthreads_or(v) \
  int(cuda_on_cpu::barrier(CUDA_ON_CPU_HERE("__syncthreads_or"), (v) != 0) != 0)
#define __syncthreads_and(v) \
  int(cuda_on_cpu::barrier(CUDA_ON_CPU_HERE("__syncthreads_and"), (v) == 0) == 0)
#define __syncwarp(...) cuda_on_cpu::vote(CUDA_ON_CPU_HERE("__syncwarp"), ~0u, 0)
#define __ballot_sync(mask, v) cuda_on_cpu::vote(CUDA_ON_CPU_HERE("__ballot_sync"), mask, (v) != 0)
#define __any_sync(mask, v) \
  int(cuda_on_cpu::vote(CUDA_ON_CPU_HERE("__any_sync"), mask, (v) != 0) != 0)
#define __all_sync(mask, v) \
  int(cuda_on_cpu::vote(CUDA_ON_CPU_HERE("__all_sync"), mask, (v) == 0) == 0)
#define __shfl_sync(...) cuda_on_cpu::shuffle(CUDA_ON_CPU_HERE("__shfl_sync"), __VA_ARGS__)
#define __shfl_up_sync(...) cuda_on_cpu::shuffle_up(CUDA_ON_CPU_HERE("__shfl_up_sync"), __VA_ARGS__)
#define __shfl_down_sync(...) \
  cuda_on_cpu::shuffle_down(CUDA_ON_CPU_HERE("__shfl_down_sync"), __VA_ARGS__)
#define __shfl_xor_sync(...) \
  cuda_on_cpu::shuffle_xor(CUDA_ON_CPU_HERE("__shfl_xor_sync"), __VA_ARGS__)

namespace cuda_on_cpu {

inline int lane() { return int(now - threads) & (LANES - 1); }

inline uint64_t barrier(const Place* place, uint64_t vote) {
  return meet(AT_BARRIER, place, vote);
}

inline void want_full(const Place* place, unsigned mask) {
  if (mask == ~0u) return;
  fail("%s at %s:%d has the mask 0x%08x: only the full one is emulated", place->operation,
       last_names(place->file), place->line, mask);
}

inline unsigned vote(const Place* place, unsigned mask, uint64_t value) {
  want_full(place, mask);
  return unsigned(meet(AT_WARP, place, value));
}

template <class T>
T take(const Place* place, unsigned mask, T value, int source) {
  static_assert(std::is_arithmetic_v<T> && sizeof(T) >= 4, "shuffles carry 32 or 64 bits");
  want_full(place, mask);
  uint64_t bits = 0;
  memcpy(&bits, &value, sizeof value);
  bits = meet(AT_WARP, place, bits, source);
  memcpy(&value, &bits, sizeof value);
  return value;
}

// CUDA widens what is less than an int.
template <class T>
using Wide = decltype(+T());

template <class T>
Wide<T> shuffle(const Place* place, unsigned mask, T value, int source, int width = LANES) {
  int first = lane() & -width;
  return take<Wide<T>>(place, mask, value, first + (source & (width - 1)));
}
template <class T>
Wide<T> shuffle_up(const Place* place, unsigned mask, T value, unsigned by, int width = LANES) {
  int me = lane();
  return take<Wide<T>>(place, mask, value, (me & (width - 1)) >= int(by) ? me - int(by) : me);
}
template <class T>
Wide<T> shuffle_down(const Place* place, unsigned mask, T value, unsigned by, int width = LANES) {
  int me = lane();
  return take<Wide<T>>(place, mask, value, (me & (width - 1)) + int(by) < width ? me + int(by) : me);
}
template <class T>
Wide<T> shuffle_xor(const Place* place, unsigned mask, T value, int by, int width = LANES) {
  int me = lane(), other = me ^ by;
  // A lane may read from groups before its own, not from later ones.
  return take<Wide<T>>(place, mask, value, other < (me & -width) + width ? other : me);
}

template <class T>
constexpr bool has_atomics = std::is_same_v<T, int> || std::is_same_v<T, unsigned> ||
                             std::is_same_v<T, unsigned long long>;

// Threads change only where they meet, so every access is atomic here.
template <class T, class Change>
T exchange(T* place, Change change) {
  static_assert(has_atomics<T>, "atomics are of int, unsigned and unsigned long long");
  T old = *place;
  *place = change(old);
  return old;
}

}  // namespace cuda_on_cpu

template <class T> struct cuda_on_cpu_same { using type = T; };
template <class T> using Same = typename cuda_on_cpu_same<T>::type;  // no deduction from it

// By way of 64 bits without a sign: what overflows wraps on a card.
template <class T> T atomicAdd(T* p, Same<T> v) {
  return cuda_on_cpu::exchange(p, [=](T old) { return T(uint64_t(old) + uint64_t(v)); });
}
template <class T> T atomicSub(T* p, Same<T> v) {
  return cuda_on_cpu::exchange(p, [=](T old) { return T(uint64_t(old) - uint64_t(v)); });
}
template <class T> T atomicOr(T* p, Same<T> v) {
  return cuda_on_cpu::exchange(p, [=](T old) { return old | v; });
}
template <class T> T atomicAnd(T* p, Same<T> v) {
  return cuda_on_cpu::exchange(p, [=](T old) { return old & v; });
}
template <class T> T atomicXor(T* p, Same<T> v) {
  return cuda_on_cpu::exchange(p, [=](T old) { return old ^ v; });
}
template <class T> T atomicMax(T* p, Same<T> v) {
  return cuda_on_cpu::exchange(p, [=](T old) { return std::max(old, v); });
}
template <class T> T atomicMin(T* p, Same<T> v) {
  return cuda_on_cpu::exchange(p, [=](T old) { return std::min(old, v); });
}
template <class T> T atomicExch(T* p, Same<T> v) {
  return cuda_on_cpu::exchange(p, [=](T) { return v; });
}
template <class T> T atomicCAS(T* p, Same<T> expected, Same<T> v) {
  return cuda_on_cpu::exchange(p, [=](T old) { return old == expected ? v : old; });
}

inline void __threadfence() {}
inline void __threadfence_block() {}
template <class T> T __ldg(const T* p) { return *p; }

#include "arithmetic.h"

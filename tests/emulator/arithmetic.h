// The small functions of CUDA C: bits, products, rounding, and the vector types.
#pragma once

inline int __popc(unsigned v) { return __builtin_popcount(v); }
inline int __popcll(unsigned long long v) { return __builtin_popcountll(v); }
inline int __clz(int v) { return v ? __builtin_clz(unsigned(v)) : 32; }
inline int __clzll(long long v) { return v ? __builtin_clzll((unsigned long long)(v)) : 64; }
inline int __ffs(int v) { return __builtin_ffs(v); }
inline int __ffsll(long long v) { return __builtin_ffsll(v); }

inline unsigned __brev(unsigned v) {
  unsigned reversed = 0;
  for (int bit = 0; bit < 32; bit++) reversed |= (v >> bit & 1) << (31 - bit);
  return reversed;
}
inline unsigned long long __brevll(unsigned long long v) {
  return (unsigned long long)__brev(unsigned(v)) << 32 | __brev(unsigned(v >> 32));
}

// Four bytes out of the eight of (b, a); a selector's fourth bit spreads the sign of its byte.
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selectors) {
  unsigned long long bytes = (unsigned long long)b << 32 | a;
  unsigned out = 0;
  for (int i = 0; i < 4; i++) {
    unsigned selector = selectors >> (4 * i) & 15;
    unsigned byte = unsigned(bytes >> (8 * (selector & 7))) & 255;
    if (selector & 8) byte = byte & 128 ? 255 : 0;
    out |= byte << (8 * i);
  }
  return out;
}

inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return unsigned(((unsigned long long)high << 32 | low) << (shift & 31) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return unsigned(((unsigned long long)high << 32 | low) >> (shift & 31));
}

inline int __mulhi(int a, int b) { return int((long long)a * b >> 32); }
inline unsigned __umulhi(unsigned a, unsigned b) {
  return unsigned((unsigned long long)a * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return (unsigned long long)((unsigned __int128)a * b >> 64);
}
inline unsigned __usad(unsigned a, unsigned b, unsigned sum) {
  return (a > b ? a - b : b - a) + sum;
}

// Two products, of the halves of one word and two bytes of the other, are added.
inline unsigned __dp2a_lo(unsigned halves, unsigned bytes, unsigned sum) {
  return (halves & 0xFFFF) * (bytes & 255) + (halves >> 16) * (bytes >> 8 & 255) + sum;
}
inline unsigned __dp2a_hi(unsigned halves, unsigned bytes, unsigned sum) {
  return __dp2a_lo(halves, bytes >> 16, sum);
}

// C++ wants both of one type; CUDA takes the wider one, as `a < b` does.
template <class A, class B>
constexpr auto min(A a, B b) {
  using C = std::common_type_t<A, B>;
  return C(a) < C(b) ? C(a) : C(b);
}
template <class A, class B>
constexpr auto max(A a, B b) {
  using C = std::common_type_t<A, B>;
  return C(a) < C(b) ? C(b) : C(a);
}
using std::abs;
using std::ceil;
using std::fabs;
using std::floor;
using std::rint;
using std::sqrt;

inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline double __dsqrt_rn(double v) { return std::sqrt(v); }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
inline int __double2int_rn(double v) { return int(std::rint(v)); }
inline int __double2int_rz(double v) { return int(v); }
inline long long __double2ll_rn(double v) { return (long long)std::rint(v); }
inline long long __double2ll_rz(double v) { return (long long)v; }
inline double __int2double_rn(int v) { return v; }
inline double __ll2double_rn(long long v) { return double(v); }

#define CUDA_ON_CPU_VECTORS(type, base)                                                       \
  struct alignas(2 * sizeof(base)) type##2 { base x, y; };                                    \
  struct type##3 { base x, y, z; };                                                           \
  struct alignas(sizeof(base) < 4 ? 4 * sizeof(base) : 16) type##4 { base x, y, z, w; };      \
  inline type##2 make_##type##2(base x, base y) { return {x, y}; }                            \
  inline type##3 make_##type##3(base x, base y, base z) { return {x, y, z}; }                 \
  inline type##4 make_##type##4(base x, base y, base z, base w) { return {x, y, z, w}; }

CUDA_ON_CPU_VECTORS(char, signed char)
CUDA_ON_CPU_VECTORS(uchar, unsigned char)
CUDA_ON_CPU_VECTORS(short, short)
CUDA_ON_CPU_VECTORS(ushort, unsigned short)
CUDA_ON_CPU_VECTORS(int, int)
CUDA_ON_CPU_VECTORS(uint, unsigned)
CUDA_ON_CPU_VECTORS(longlong, long long)
CUDA_ON_CPU_VECTORS(ulonglong, unsigned long long)
CUDA_ON_CPU_VECTORS(double, double)

// Whole numbers by their size, and what every kernel counts by.
//
// Rule 1: integers in pixel paths; the few doubles are + - * / and sqrt, never fused (--fmad=false).
// Rule 2: no includes, no templates, static shared memory only: what compiles here compiles as C++.
// Rule 3: a page is rows of `pitch` bytes; a place in it is counted in 64 bits.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef short i16;
typedef int i32;
typedef long long i64;

#define WARP 32
#define EVERY_LANE 0xFFFFFFFFu

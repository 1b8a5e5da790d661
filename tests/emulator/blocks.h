// The threads of a block, one after another until each waits or has left, block after block.
//
// Barriers and warp operations are where threads change. What a card would only do wrong on some
// days is made visible: the order of threads and blocks can be turned round or shuffled, shared
// memory is poisoned before each block, and a meeting that not everybody comes to ends the launch.
#pragma once
#include <cstring>
#include <numeric>
#include <utility>

#include "faults.h"
#include "fibers.h"

struct dim3 {
  unsigned x, y, z;
};
static dim3 threadIdx, blockIdx, blockDim, gridDim;

extern "C" char __start_cuda_shared __attribute__((weak, visibility("hidden")));
extern "C" char __stop_cuda_shared __attribute__((weak, visibility("hidden")));

namespace cuda_on_cpu {

constexpr int LANES = 32, POISON = 0xA5, NO_LANE = -1;
enum Order : unsigned { FORWARD, REVERSE, SHUFFLED };
enum State : unsigned char { NEW, READY, AT_WARP, AT_BARRIER, LEFT };

// Where in the source threads meet: two calls are two places, on one line too.
struct Place {
  const char *operation, *file;
  int line;
};

struct Thread {
  dim3 index;
  State state;
  short stack;
  int source;  // the lane from which it wants a value; NO_LANE: wants everybody's votes
  const Place* place;
  uint64_t offered, received;
};

static Thread threads[MOST_THREADS], *now;
static int thread_count, free_stacks[MOST_THREADS], free_count;
static Order order;
static uint64_t dice;
static void (*body)(const void*);
static const void* arguments;

static unsigned random_below(unsigned limit) {
  dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
  return unsigned(dice >> 32) % limit;
}

// The numbers below `count` in the order of this launch.
static void put_in_order(int* places, int count) {
  for (int i = 0; i < count; i++) places[i] = order == REVERSE ? count - 1 - i : i;
  for (int i = count - 1; order == SHUFFLED && i > 0; i--)
    std::swap(places[i], places[random_below(i + 1)]);
}

static const char* last_names(const char* path) {
  const char* name = path;
  int slashes = 0;
  for (const char* p = path + strlen(path); p > path && slashes < 2; p--)
    if (p[-1] == '/' && ++slashes <= 2) name = slashes == 2 ? p : name;
  return name;
}

[[noreturn]] static void fail_at(const Thread& thread, const char* text, int some, int all) {
  now = const_cast<Thread*>(&thread);
  const Place& place = *thread.place;
  fail("%s at %s:%d %s (%d of %d)", place.operation, last_names(place.file), place.line, text,
       some, all);
}

static uint64_t meet(State where, const Place* place, uint64_t offered, int source = NO_LANE) {
  Thread& me = *now;
  me.state = where, me.place = place, me.offered = offered, me.source = source;
  asm volatile("" ::: "memory");
  to_scheduler(me.stack);
  asm volatile("" ::: "memory");
  return me.received;
}

static void life_of_a_thread() {
  body(arguments);
  now->state = LEFT;
  to_scheduler(now->stack);
}

static void resume(Thread& thread) {
  now = &thread;
  threadIdx = thread.index;
  if (thread.state == NEW) {
    // The stack that was free last is still in the cache: a kernel without meetings needs only one.
    thread.stack = short(free_stacks[--free_count]);
    start_fiber(thread.stack, life_of_a_thread);
  }
  thread.state = READY;
  to_fiber(thread.stack);
  if (thread.state == LEFT) free_stacks[free_count++] = thread.stack;
}

// False: none of its lanes waits for the others.
static bool release_warp(Thread* lanes, int count) {
  int waiting = 0, live = 0;
  unsigned votes = 0;
  const Thread* first = nullptr;
  for (int i = 0; i < count; i++) {
    live += lanes[i].state != LEFT;
    if (lanes[i].state != AT_WARP) continue;
    waiting++;
    if (!first) first = &lanes[i];
    if (lanes[i].place != first->place)
      fail_at(lanes[i], "is met by lanes of its warp in another warp operation", i, count);
  }
  if (!waiting) return false;
  if (waiting < live) fail_at(*first, "is reached by only some live lanes", waiting, live);
  for (int i = 0; i < count; i++)
    if (lanes[i].state == AT_WARP && lanes[i].offered) votes |= 1u << i;
  for (int i = 0; i < count; i++) {
    Thread& lane = lanes[i];
    if (lane.state == LEFT) continue;
    if (lane.source == NO_LANE) {
      lane.received = votes;
      continue;
    }
    if (lane.source >= count || lanes[lane.source].state == LEFT)
      fail_at(lane, "reads from a lane that is not there", lane.source, count);
    lane.received = lanes[lane.source].offered;
  }
  for (int i = 0; i < count; i++)
    if (lanes[i].state == AT_WARP) lanes[i].state = READY;
  return true;
}

// Lets each lane run until it waits or leaves. False: the next barrier is as far as they come.
static bool run_warp(int warp) {
  Thread* lanes = threads + warp * LANES;
  int count = thread_count - warp * LANES < LANES ? thread_count - warp * LANES : LANES;
  int places[LANES];
  put_in_order(places, count);
  for (int i = 0; i < count; i++) {
    Thread& lane = lanes[places[i]];
    if (lane.state == NEW || lane.state == READY) resume(lane);
  }
  return release_warp(lanes, count);
}

// False: every thread has left.
static bool release_barrier() {
  int waiting = 0;
  uint64_t votes = 0;
  const Thread* first = nullptr;
  for (int i = 0; i < thread_count; i++) {
    if (threads[i].state != AT_BARRIER) continue;
    waiting++;
    votes += threads[i].offered != 0;
    if (!first) first = &threads[i];
    if (threads[i].place != first->place)
      fail_at(threads[i], "is not the barrier at which other threads wait", i, thread_count);
  }
  if (!waiting) return false;
  if (waiting < thread_count)
    fail_at(*first, "is not reached by all threads of the block", waiting, thread_count);
  for (int i = 0; i < thread_count; i++) threads[i].received = votes, threads[i].state = READY;
  return true;
}

static void run_block() {
  int warps = (thread_count + LANES - 1) / LANES, places[MOST_THREADS / LANES];
  if (&__start_cuda_shared)
    memset(&__start_cuda_shared, POISON, &__stop_cuda_shared - &__start_cuda_shared);
  for (int i = 0; i < thread_count; i++) threads[i].state = NEW;
  free_count = thread_count;
  for (int i = 0; i < thread_count; i++) free_stacks[i] = thread_count - 1 - i;
  do {
    // Shuffled, warps run ahead of each other; otherwise one goes as far as it can.
    put_in_order(places, warps);
    for (int left = warps; left > 0;) {
      int at = order == SHUFFLED ? int(random_below(left)) : warps - left;
      if (run_warp(places[at])) continue;
      if (order == SHUFFLED) places[at] = places[left - 1];
      left--;
    }
  } while (release_barrier());
}

static void run_blocks() {
  uint64_t count = uint64_t(gridDim.x) * gridDim.y * gridDim.z, step = 1, place = 0;
  if (order == SHUFFLED) {
    // A stride that shares no divisor with the count comes to every block.
    step = count / 2 + random_below(unsigned(count));
    while (std::gcd(step, count) != 1) step++;
  }
  for (uint64_t i = 0; i < count; i++) {
    uint64_t at = order == REVERSE ? count - 1 - i : place;
    place = (place + step) % count;
    blockIdx = {unsigned(at % gridDim.x), unsigned(at / gridDim.x % gridDim.y),
                unsigned(at / (uint64_t(gridDim.x) * gridDim.y))};
    run_block();
  }
}

}  // namespace cuda_on_cpu

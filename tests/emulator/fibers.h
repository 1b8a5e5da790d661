// A stack of its own for each CUDA thread of a block, and the switch to it and back.
//
// Threads of the system would need a lock at each barrier and could not be put in an order; a switch
// by hand costs some nanoseconds, so an A4 page of 8.7 million pixels takes less than a second.
#pragma once
#include <ucontext.h>

#include <cstddef>
#include <cstdint>

#if !defined(__x86_64__) && !defined(CUDA_ON_CPU_PORTABLE)
#define CUDA_ON_CPU_PORTABLE
#endif

namespace cuda_on_cpu {

// The caller brings the stacks: below each lies as much memory that nobody may touch.
constexpr size_t STACK_BYTES = 64 << 10, STACK_STRIDE = 2 * STACK_BYTES;
constexpr int MOST_THREADS = 1024;

static char* stacks;

#ifdef CUDA_ON_CPU_PORTABLE

struct Switch {
  ucontext_t context;
};
static Switch fibers[MOST_THREADS], scheduler;

static void to_fiber(int slot) { swapcontext(&scheduler.context, &fibers[slot].context); }
static void to_scheduler(int slot) { swapcontext(&fibers[slot].context, &scheduler.context); }

static void start_fiber(int slot, void (*entry)()) {
  ucontext_t& context = fibers[slot].context;
  getcontext(&context);
  context.uc_stack.ss_sp = stacks + slot * STACK_STRIDE + STACK_BYTES;
  context.uc_stack.ss_size = STACK_BYTES;
  context.uc_link = &scheduler.context;
  makecontext(&context, entry, 0);
}

#else

// swapcontext asks the kernel for the signal mask each time, 50 times the price of this: push what
// a called function has to preserve, change stacks, pop what the other side had pushed.
extern "C" void cuda_on_cpu_switch(void** left, void* entered);
asm(R"(
.text
.local cuda_on_cpu_switch
.type cuda_on_cpu_switch, @function
cuda_on_cpu_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_on_cpu_switch, . - cuda_on_cpu_switch
)");

static void *fibers[MOST_THREADS], *scheduler;

static void to_fiber(int slot) { cuda_on_cpu_switch(&scheduler, fibers[slot]); }
static void to_scheduler(int slot) { cuda_on_cpu_switch(&fibers[slot], scheduler); }

static void start_fiber(int slot, void (*entry)()) {
  constexpr int PRESERVED = 6;
  void** top = reinterpret_cast<void**>(stacks + (slot + 1) * STACK_STRIDE);
  *--top = nullptr;  // where `entry` would return to; it also aligns the stack as a call does
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < PRESERVED; i++) *--top = nullptr;
  fibers[slot] = top;
}

#endif

}  // namespace cuda_on_cpu

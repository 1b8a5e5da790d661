// What the Python side calls: a description of each kernel, and its launch.
#pragma once
#include <tuple>
#include <type_traits>

#include "blocks.h"

namespace cuda_on_cpu {

struct Request {
  unsigned grid[3], block[3];
  void** arguments;
  char* stacks;
  uint64_t seed;
  unsigned order, seconds;
};

template <class... A>
struct Call {
  using Kernel = void (*)(A...);
  Kernel kernel;
  std::tuple<std::decay_t<A>...> values;

  static void run(const void* self) {
    const Call& call = *static_cast<const Call*>(self);
    std::apply(call.kernel, call.values);
  }
};

template <class... A, size_t... I>
Call<A...> call_of(void (*kernel)(A...), void** values, std::index_sequence<I...>) {
  return {kernel, {*static_cast<std::decay_t<A>*>(values[I])...}};
}

// Zero: every block ran. Otherwise `*told` says what happened, and where.
inline int launch(const Request& request, void (*run)(const void*), const void* call, Fault* told) {
  stacks = request.stacks;
  order = Order(request.order);
  dice = request.seed | 1;
  body = run, arguments = call;
  gridDim = {request.grid[0], request.grid[1], request.grid[2]};
  blockDim = {request.block[0], request.block[1], request.block[2]};
  thread_count = int(blockDim.x * blockDim.y * blockDim.z);
  for (unsigned i = 0; i < unsigned(thread_count); i++)
    threads[i].index = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
  fault = {};
  now = threads;
  Watch watch(request.seconds);
  // The other side of this jump is a fiber's stack: nothing between here and there is unwound, so
  // the scheduler owns nothing.
  if (sigsetjmp(out_of_the_launch, 1) == 0) {
    run_blocks();
    return 0;
  }
  const dim3 &thread = now->index, &block = blockIdx;
  fault.thread[0] = thread.x, fault.thread[1] = thread.y, fault.thread[2] = thread.z;
  fault.block[0] = block.x, fault.block[1] = block.y, fault.block[2] = block.z;
  *told = fault;
  return 1;
}

template <class... A>
int launch_kernel(void (*kernel)(A...), const Request* request, Fault* told) {
  auto call = call_of(kernel, request->arguments, std::index_sequence_for<A...>());
  return launch(*request, Call<A...>::run, &call, told);
}

// Of `__launch_bounds__(threads, blocks)`.
constexpr unsigned first(unsigned threads, unsigned = 0, unsigned = 0) { return threads; }

struct Parameter {
  unsigned bytes;
  char kind;  // 'p' pointer, 'f' floating, 'i' integer
};

template <class T>
constexpr char kind_of = std::is_pointer_v<T> ? 'p' : std::is_floating_point_v<T> ? 'f' : 'i';

// How many there are; as many as there is room for are described.
template <class... A>
int parameters_of(void (*)(A...), Parameter* out, int room) {
  int count = 0;
  ((count < room ? void(out[count] = {sizeof(A), kind_of<A>}) : void(), count++), ...);
  return count;
}

}  // namespace cuda_on_cpu

#define CUDA_ON_CPU_EXPORT extern "C" __attribute__((visibility("default")))
#define CUDA_ON_CPU_KERNEL(name, most_threads)                                                   \
  CUDA_ON_CPU_EXPORT int launch_##name(const cuda_on_cpu::Request* request,                      \
                                       cuda_on_cpu::Fault* told) {                               \
    return cuda_on_cpu::launch_kernel(name, request, told);                                      \
  }                                                                                              \
  CUDA_ON_CPU_EXPORT int parameters_of_##name(cuda_on_cpu::Parameter* out, int room) {           \
    return cuda_on_cpu::parameters_of(name, out, room);                                          \
  }                                                                                              \
  CUDA_ON_CPU_EXPORT unsigned most_threads_of_##name() { return cuda_on_cpu::first most_threads; } \
  static_assert(true)

// How a launch ends that a card would not have survived: with a text, never with the process.
#pragma once
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace cuda_on_cpu {

struct Fault {
  char what[512];
  uint64_t address;      // that the kernel touched, for SIGSEGV and SIGBUS
  uint64_t instruction;  // counted from where the library was loaded; 0 where unknown
  unsigned block[3], thread[3];
  int signal;  // 0: found by the scheduler
};

static Fault fault;
static sigjmp_buf out_of_the_launch;
static pthread_t launching;

[[noreturn]] static void end_launch() { siglongjmp(out_of_the_launch, 1); }

[[noreturn]] __attribute__((format(printf, 1, 2))) static void fail(const char* text, ...) {
  va_list values;
  va_start(values, text);
  vsnprintf(fault.what, sizeof fault.what, text, values);
  va_end(values);
  end_launch();
}

// SIGILL and SIGTRAP are what the compiler's own checks raise; SIGVTALRM is our watch.
constexpr int SIGNALS[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGVTALRM};
constexpr int SIGNAL_COUNT = sizeof SIGNALS / sizeof *SIGNALS;
static struct sigaction before[SIGNAL_COUNT];

static uint64_t instruction_of(void* context) {
  const mcontext_t& machine = static_cast<ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return machine.gregs[REG_RIP];
#elif defined(__aarch64__)
  return machine.pc;
#else
  (void)machine;
  return 0;
#endif
}

static void on_signal(int signal, siginfo_t* info, void* context) {
  if (!pthread_equal(pthread_self(), launching)) {
    // Somebody else's: put back what was there, and let it happen once more.
    for (int i = 0; i < SIGNAL_COUNT; i++)
      if (SIGNALS[i] == signal) sigaction(signal, &before[i], nullptr);
    return;
  }
  fault.signal = signal;
  fault.address = reinterpret_cast<uint64_t>(info->si_addr);
  uint64_t instruction = instruction_of(context);
  Dl_info library;
  if (instruction && dladdr(reinterpret_cast<void*>(instruction), &library))
    fault.instruction = instruction - reinterpret_cast<uint64_t>(library.dli_fbase);
  end_launch();
}

// Takes the signals of this thread for as long as a kernel runs, and gives them back.
class Watch {
 public:
  explicit Watch(unsigned seconds) {
    launching = pthread_self();
    stack_t own = {};
    own.ss_sp = signal_stack;
    own.ss_size = sizeof signal_stack;
    sigaltstack(&own, &stack_before);
    struct sigaction action = {};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNAL_COUNT; i++) sigaction(SIGNALS[i], &action, &before[i]);
    sigevent event = {};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGVTALRM;
    event.sigev_notify_thread_id = gettid();
    // Of the thread's own time: a busy machine is no reason to call a kernel endless.
    armed = timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0;
    itimerspec limit = {};
    limit.it_value.tv_sec = seconds;
    if (armed) timer_settime(timer, 0, &limit, nullptr);
  }
  ~Watch() {
    if (armed) timer_delete(timer);
    for (int i = 0; i < SIGNAL_COUNT; i++) sigaction(SIGNALS[i], &before[i], nullptr);
    sigaltstack(&stack_before, nullptr);
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  static inline char signal_stack[64 << 10];
  stack_t stack_before;
  timer_t timer;
  bool armed;
};

}  // namespace cuda_on_cpu

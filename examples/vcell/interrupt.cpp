#include "interrupt.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>

namespace interrupt {
namespace {

std::atomic<bool> flag = false;

}  // namespace

// A signal handler would run on the stack of whatever it interrupts, and products of oneDNN have
// theirs in a piece of the heap that is too small for it. So every thread blocks these signals, and
// one that does nothing else waits for them.
void install() {
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_IGN);
  sigset_t asked, again;
  sigemptyset(&asked);
  sigemptyset(&again);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    // What nohup, or a shell for a job in the background, has the program ignore, it ignores.
    struct sigaction before = {};
    if (sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    sigaddset(&asked, signal);
    // A terminal that is closed may send SIGHUP twice, by its shell and itself.
    if (signal != SIGHUP) sigaddset(&again, signal);
  }
  pthread_sigmask(SIG_BLOCK, &asked, nullptr);  // and so of every thread that is started later
  static std::atomic<bool> runs = false;
  std::thread([asked, again] {
    runs = true;
    runs.notify_one();
    int signal = 0;
    if (sigwait(&asked, &signal) == 0) {
      flag = true;
      pthread_sigmask(SIG_UNBLOCK, &again, nullptr);  // the next one ends the program, here
    }
    while (true) pause();
  }).detach();
  // A child that is forked while a thread starts may lack what that one holds, such as the lock of
  // AddressSanitizer's heap.
  runs.wait(false);
}

bool requested() { return flag; }

}  // namespace interrupt

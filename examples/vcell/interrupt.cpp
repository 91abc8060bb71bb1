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
  sigset_t asked;
  sigemptyset(&asked);
  for (const int signal : {SIGINT, SIGTERM}) {
    sigaddset(&asked, signal);
    ::signal(signal, SIG_DFL);  // a shell's background jobs start with SIGINT ignored
  }
  pthread_sigmask(SIG_BLOCK, &asked, nullptr);  // and so of every thread that is started later
  std::thread([asked] {
    int signal = 0;
    sigwait(&asked, &signal);
    flag = true;
    pthread_sigmask(SIG_UNBLOCK, &asked, nullptr);  // the next one ends the program, here
    while (true) pause();
  }).detach();
}

bool requested() { return flag; }

}  // namespace interrupt

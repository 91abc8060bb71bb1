#include "interrupt.hpp"

#include <csignal>

namespace interrupt {
namespace {

volatile std::sig_atomic_t flag = 0;

extern "C" void on_signal(int signal) {
  flag = 1;
  std::signal(signal, SIG_DFL);  // the next one ends the program
}

}  // namespace

void install() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool requested() { return flag != 0; }

}  // namespace interrupt

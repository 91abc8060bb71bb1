#include "console.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

#include "interrupt.hpp"
#include "vcell/core/error.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace {

bool is_terminal() {
#if defined(__unix__) || defined(__APPLE__)
  return isatty(fileno(stderr)) != 0;
#else
  return false;
#endif
}

size_t terminal_width() {
#if defined(__unix__) || defined(__APPLE__)
  winsize size{};
  if (ioctl(fileno(stderr), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
#endif
  return 80;
}

std::string clock_text(double seconds) {
  const auto s = static_cast<long long>(seconds + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

std::string rate_text(double per_second) {
  return fmt::format("{:.{}f}/s", per_second, per_second < 10 ? 1 : 0);
}

}  // namespace

Console::~Console() {
  end_line();
  if (log_) std::fclose(log_);
}

void Console::note(std::string_view line) {
  end_line();
  log(line);
  if (!quiet) fmt::print(stderr, "{}\n", line);
}

void Console::result(std::string_view line) {
  end_line();
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

void Console::log_to(const std::filesystem::path& file) {
  log_ = std::fopen(file.string().c_str(), "a");
  if (!log_)
    throw vcell::IoError(vcell::message("run: cannot write ", vcell::quoted(file.string()),
                                        "; choose another --out"));
}

void Console::log(std::string_view line) {
  if (!log_) return;
  fmt::print(log_, "{:%Y-%m-%d %H:%M:%S} {}\n", fmt::localtime(std::time(nullptr)), line);
  std::fflush(log_);
}

vcell::Progress Console::progress() {
  return [this](const vcell::ProgressUpdate& update) { return draw(update); };
}

void Console::end_line() {
  if (open_) std::fputc('\n', stderr);
  open_ = false;
}

bool Console::draw(const vcell::ProgressUpdate& update) {
  const auto now = Clock::now();
  const bool begins = stage_ != update.stage;
  if (begins) {
    end_line();
    stage_ = update.stage;
    start_ = now;
    first_ = update.done;
  }
  const bool ends = update.total && update.done >= update.total;
  const double since = std::chrono::duration<double>(now - drawn_).count();
  static const bool terminal = is_terminal();
  if (!quiet && (begins || ends || since >= (terminal ? 0.1 : 10))) {
    drawn_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double steps = static_cast<double>(update.done - std::min(first_, update.done));
    const double rate = seconds > 0 ? steps / seconds : 0;
    std::string text = update.total ? fmt::format("{} {}/{}", stage_, update.done, update.total)
                                    : fmt::format("{} {}", stage_, update.done);
    if (rate > 0) {
      text += "  " + rate_text(rate);
      if (ends)
        text += "  in " + clock_text(seconds);
      else if (update.total)
        text += "  " + clock_text(static_cast<double>(update.total - update.done) / rate) + " left";
    }
    if (!update.note.empty()) text += fmt::format("  {}", update.note);
    if (terminal) {
      const size_t width = terminal_width() - 1, bar = 20;
      if (update.total && text.size() + bar + 3 <= width) {
        const size_t full = bar * std::min(update.done, update.total) / update.total;
        text = fmt::format("[{}{}] {}", std::string(full, '='), std::string(bar - full, ' '), text);
      }
      fmt::print(stderr, "\r\033[K{}", text.substr(0, width));
      std::fflush(stderr);
      open_ = true;
      if (ends) end_line();
    } else {
      fmt::print(stderr, "{}\n", text);
    }
  }
  return !interrupt::requested();
}

#include "console.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <system_error>

#include "interrupt.hpp"
#include "vcell/core/error.hpp"

namespace {

/// Writes to stderr what helps whoever reads it. Where nobody can, closed, full or hung up, the
/// work goes on: fmt::print would end it.
void put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

/// Whether stderr is a terminal on which a line can be drawn again.
bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return isatty(STDERR_FILENO) && kind && std::string_view(kind) != "dumb";
}

size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
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

void open_standard_files() {
  // open() takes the lowest number that is free, so this is the one that was found closed. Writing
  // to one that is open for reading fails: results that nobody gets stay an error.
  for (const int file : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(file, F_GETFD) < 0 && errno == EBADF &&
        ::open("/dev/null", file == STDERR_FILENO ? O_WRONLY : O_RDONLY) < 0)
      return;
}

Console::~Console() {
  clear_line();
  if (log_) std::fclose(log_);
}

void Console::note(std::string_view line) {
  clear_line();
  log(line);
  if (!quiet) put(fmt::format("{}\n", line));
}

void Console::result(std::string_view line) {
  clear_line();
  const bool written = std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
                       std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0;
  if (!written)
    throw vcell::WriteError(vcell::message(
        "cannot write results to standard output: ", std::generic_category().message(errno),
        "; is it closed, or the disk full?"));
}

void Console::error(std::string_view line) {
  clear_line();
  log(line);
  put(fmt::format("vcell: {}\n", line));
}

void Console::log_to(const std::filesystem::path& file) {
  log_ = std::fopen(file.string().c_str(), "ae");  // e: no child process gets it
  if (!log_)
    throw vcell::WriteError(vcell::message("cannot write ", vcell::quoted(file.string()), ": ",
                                           std::generic_category().message(errno),
                                           "; choose another --out"));
  write_log(said_);
}

void Console::log(std::string_view line) {
  const auto text =
      fmt::format("{:%Y-%m-%d %H:%M:%S} {}\n", fmt::localtime(std::time(nullptr)), line);
  if (log_)
    write_log(text);
  else
    said_ += text;
}

void Console::write_log(const std::string& text) {
  if (std::fputs(text.c_str(), log_) >= 0 && std::fflush(log_) == 0) return;
  if (!lost_ && !quiet)
    put(fmt::format("the log is not complete: {}\n", std::generic_category().message(errno)));
  lost_ = true;
}

vcell::Progress Console::progress() {
  return [this](const vcell::ProgressUpdate& update) { return draw(update); };
}

void Console::clear_line() {
  if (open_) put("\r\033[K");
  open_ = false;
}

bool Console::draw(const vcell::ProgressUpdate& update) {
  const auto now = Clock::now();
  const bool begins = stage_ != update.stage;
  if (begins) {
    clear_line();
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
      put(fmt::format("\r\033[K{}{}", text.substr(0, width), ends ? "\n" : ""));
      open_ = !ends;
    } else {
      put(fmt::format("{}\n", text));
    }
  }
  return !interrupt::requested();
}

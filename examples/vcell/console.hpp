#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "vcell/core/progress.hpp"

/// What the program says while it works: notes and progress on stderr, results on stdout. On a
/// terminal progress is one line that is drawn again, and stays when its stage ends; elsewhere it
/// is a plain line now and then.
class Console {
 public:
  ~Console();

  /// Says nothing but results and errors.
  bool quiet = false;

  /// One line that a user wants to know: what was assumed, dropped, found.
  void note(std::string_view line);
  /// One line of a result; never silenced.
  /// @throws vcell::WriteError if it cannot be written
  void result(std::string_view line);
  /// Why the program stops; never silenced.
  void error(std::string_view line);
  /// Keeps a copy of every note and error in a file, those said before too, each with the time of
  /// day.
  /// @throws vcell::IoError if the file cannot be written
  void log_to(const std::filesystem::path& file);
  /// A callback for long work: draws progress, and asks it to stop once the user has.
  vcell::Progress progress();

 private:
  using Clock = std::chrono::steady_clock;

  bool draw(const vcell::ProgressUpdate& update);
  void clear_line();
  void log(std::string_view line);

  std::FILE* log_ = nullptr;
  std::string said_;         // before there was a log
  std::string stage_;        // the one that is running
  Clock::time_point start_;  // of it
  Clock::time_point drawn_;  // when its line was last drawn
  size_t first_ = 0;         // steps done when it began, as after a resume
  bool open_ = false;        // the cursor is in a drawn line
};

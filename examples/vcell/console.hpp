#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "vcell/core/progress.hpp"

/// What the program says while it works: notes and progress on stderr, results on stdout. On a
/// terminal progress is one line that is drawn again; elsewhere it is a plain line now and then.
class Console {
 public:
  ~Console();

  /// Says nothing but results and errors.
  bool quiet = false;

  /// One line that a user wants to know: what was assumed, dropped, found.
  void note(std::string_view line);
  /// One line of a result; never silenced.
  void result(std::string_view line);
  /// Keeps a copy of every note in a file, each with the time of day.
  void log_to(const std::filesystem::path& file);
  /// A callback for long work: draws progress, and asks it to stop once the user has.
  vcell::Progress progress();
  /// Ends a line of progress that is being drawn.
  void end_line();

 private:
  using Clock = std::chrono::steady_clock;

  bool draw(const vcell::ProgressUpdate& update);
  void log(std::string_view line);

  std::FILE* log_ = nullptr;
  std::string stage_;        // the one that is running
  Clock::time_point start_;  // of it
  Clock::time_point drawn_;  // when its line was last drawn
  size_t first_ = 0;         // steps done when it began, as after a resume
  bool open_ = false;        // a drawn line waits for its end
};

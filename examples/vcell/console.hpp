#pragma once

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

#include "vcell/core/progress.hpp"

/// Opens /dev/null as standard input, output or error where that is closed, so that no file which
/// is opened later takes its place and gets what is said. Results to a closed standard output stay
/// an error. To be called before any file is opened.
void open_standard_files();

/// What the program says while it works: notes and progress on stderr, results on stdout. On a
/// terminal progress is one line that is drawn again, and stays when its stage ends; elsewhere it
/// is a plain line now and then. Notes, progress and the log that cannot be written end nothing.
class Console {
 public:
  ~Console();

  /// Says nothing but results and errors.
  bool quiet = false;
  /// What was typed, as a shell reads it.
  std::string command_line;

  /// One line that a user wants to know: what was assumed, dropped, found.
  void note(std::string_view line);
  /// One line of a result; never silenced.
  /// @throws vcell::WriteError if it cannot be written
  void result(std::string_view line);
  /// Why the program stops; never silenced.
  void error(std::string_view line);
  /// One line for the log alone.
  void log(std::string_view line);
  /// Keeps a copy of every note and error in a file, those said before too, each with the time of
  /// day.
  /// @throws vcell::WriteError if the file cannot be opened
  void log_to(const std::filesystem::path& file);
  /// A callback for long work: draws progress, and asks it to stop once the user has.
  vcell::Progress progress();

 private:
  using Clock = std::chrono::steady_clock;

  bool draw(const vcell::ProgressUpdate& update);
  void clear_line();
  void write_log(const std::string& text);

  std::FILE* log_ = nullptr;
  std::string said_;         // before there was a log
  bool lost_ = false;        // something could not be written to it
  std::string stage_;        // the one that is running
  Clock::time_point start_;  // of it
  Clock::time_point drawn_;  // when its line was last drawn
  size_t first_ = 0;         // steps done when it began, as after a resume
  bool open_ = false;        // the cursor is in a drawn line
};

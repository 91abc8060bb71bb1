#pragma once

#include <stdexcept>

#include "vcell/core/abi.hpp"

VCELL_BEGIN_NAMESPACE

/// The root of everything vcell throws. The message names the function, the offender, what was
/// expected and what was found, and how to mend it.
struct Error : std::runtime_error {
  using runtime_error::runtime_error;
};

/// Sizes that do not fit together.
struct ShapeError : Error {
  using Error::Error;
};

/// A file that cannot be opened, read or written.
struct IoError : Error {
  using Error::Error;
};

/// An output that cannot be written, or not whole: its place is none, or the disk is full or fails.
struct WriteError : IoError {
  using IoError::IoError;
};

/// A file that is not what it says it is: damaged, foreign or of an unknown version.
struct FormatError : Error {
  using Error::Error;
};

/// Settings, names or labels that contradict each other or the data.
struct ConfigError : Error {
  using Error::Error;
};

/// A call of the CUDA runtime or one of its libraries that failed.
struct CudaError : Error {
  using Error::Error;
};

/// Work that ended early because its progress callback asked for it.
struct Stopped : Error {
  using Error::Error;
};

VCELL_END_NAMESPACE

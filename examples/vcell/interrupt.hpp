#pragma once

/// Ctrl-C and termination requests, turned into a flag that long work asks for.
namespace interrupt {

/// From now on SIGINT and SIGTERM set the flag instead of ending the program; a second one ends it
/// at once.
void install();

/// Whether one has arrived.
bool requested();

}  // namespace interrupt

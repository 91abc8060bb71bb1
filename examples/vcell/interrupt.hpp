#pragma once

/// Ctrl-C and termination requests, turned into a flag that long work asks for.
namespace interrupt {

/// From now on SIGINT and SIGTERM set the flag instead of ending the program; a second one ends it
/// at once. To be called before any thread is started.
void install();

/// Whether one has arrived.
bool requested();

}  // namespace interrupt

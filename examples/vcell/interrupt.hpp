#pragma once

/// Ctrl-C and termination requests, turned into a flag that long work asks for.
namespace interrupt {

/// From now on SIGINT, SIGTERM and SIGHUP set the flag instead of ending the program; a second
/// SIGINT or SIGTERM ends it at once. Those that were ignored when it started stay so. And writing
/// where nobody reads, or more than a file may hold, is an error instead of the end. To be called
/// before any thread is started.
void install();

/// Whether one has arrived.
bool requested();

}  // namespace interrupt

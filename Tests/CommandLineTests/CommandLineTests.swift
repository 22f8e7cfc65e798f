import Testing

// Two lanes of one process at a time: each runs for half a second or more, on few processors.

/// What the program makes.
@Suite(.serialized) enum CommandLineTests {}

/// What the program refuses.
@Suite(.serialized) enum CommandLineRefusalTests {}

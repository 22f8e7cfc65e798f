import Testing

/// Everything about the program as a process, one process at a time.
@Suite(.serialized) enum CommandLineTests {}

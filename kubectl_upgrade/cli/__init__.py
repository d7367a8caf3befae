"""The command line: flags, output, exit codes."""

"""Progress of commands on stderr."""

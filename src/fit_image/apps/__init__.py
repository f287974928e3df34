"""The jobs of the program, each a library function that yields its progress."""

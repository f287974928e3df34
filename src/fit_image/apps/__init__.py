"""The jobs of the program, as library functions and classes that print nothing."""

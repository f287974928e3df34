"""Networks as pages, shaders and programs of others: registry.py is the table of formats."""

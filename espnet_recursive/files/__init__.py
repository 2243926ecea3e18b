"""Reading and writing files: readable errors, and outputs that appear whole or not at all."""

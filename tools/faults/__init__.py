"""Faults made on purpose, and what becomes of them; started by tools/check_faults.sh."""

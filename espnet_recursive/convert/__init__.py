"""Conversion of trained stock models to recursive ones and back, one concept a module."""

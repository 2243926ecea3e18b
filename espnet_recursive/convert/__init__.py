"""Trained stock models as recursive ones and recursive ones as stock ones, a concept a module."""

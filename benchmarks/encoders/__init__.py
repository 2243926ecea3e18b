"""Time and memory of recursive encoders against others that compute as much."""

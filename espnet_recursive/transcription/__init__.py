"""Speech of any length to text: voice activity, segments, times of words, and forms of output."""

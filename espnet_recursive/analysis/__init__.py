"""What models are and how they learnt: sizes, learning curves, comparisons, pictures."""

"""Analysis of trained models: learning curves, comparisons, layers and loops, pictures."""

"""The work of a recipe's stages: data directories, tokens, configurations, jobs, scores."""

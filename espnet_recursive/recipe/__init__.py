"""What the stages of a recipe need: data directories, tokens, configurations, jobs, scores."""

"""A trained model: finding and loading it, its size, what speech it takes, how close two are."""

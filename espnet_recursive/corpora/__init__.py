"""One module a corpus: ``prepare_<corpus>`` writes its data directories."""

"""The rows of the paper's tables: as printed, as trained here, and what they support."""

"""Other servers that do the same work, to compare with in the same run."""

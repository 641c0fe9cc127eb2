"""A client of the API, as commands and workers need it, over a network that may fail."""

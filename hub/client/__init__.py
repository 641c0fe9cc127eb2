"""A client of the API, as the commands need it: whoever calls, over a network that may fail."""

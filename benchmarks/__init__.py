"""The measured promises: run with ``make bench``; every number is of one run on one machine."""

"""The reference segmentation worker: a client of the API like anybody else's."""

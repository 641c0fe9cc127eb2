"""How well nuclei are found: pictures with known truth, scores, and a plain peer."""

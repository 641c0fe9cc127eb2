"""``make demo``: two people share a project on a real hub, and what reaches them is added up."""

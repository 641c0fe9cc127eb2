"""``make demo``: two people have real images segmented, and what reaches them is added up."""

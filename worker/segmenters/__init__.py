"""Programs that find cells, behind one protocol: see base.py. They know nothing of the hub."""

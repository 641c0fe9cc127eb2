"""How ``watershed`` finds nuclei, step by step; see docs in watershed.py."""

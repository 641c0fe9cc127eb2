"""A hub under everything that clients do, for a long time: does it keep what it should let go?

``make soak``; SOAK_MINUTES says how long, and SOAK_BROKER which broker: memory or valkey.
"""

"""Faults: real processes that are killed, paused and restarted, and clients that check each word.

``servers`` and ``processes`` run PostgreSQL, Valkey and hubs in processes of their own; ``launch``
starts a hub with a fault built in. ``client`` follows a hub as an application would, and ``model``
holds what it was told against the rules. ``writer`` changes things meanwhile and keeps a ledger of
what was acknowledged; ``truth`` reads what the database has in the end.
"""

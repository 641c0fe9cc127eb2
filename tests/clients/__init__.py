"""Clients: the libraries that front ends are built with, on Node.js, against real hubs.

Each ``.mjs`` is a client set up as ``docs/api.md`` says. ``node`` runs them: they do what lines of
JSON say, and tell in such lines what they hear. What they heard is judged here.
"""

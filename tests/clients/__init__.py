"""Clients: the libraries that front ends are built with, against real hubs.

``snippets/`` drives the files of ``docs/clients``, which ``docs/clients.md`` shows; the ``.mjs``
here subscribe to whatever a test wants. They are programs that do what lines of JSON say, and tell
in such lines what they hear. What they heard is judged here.
"""

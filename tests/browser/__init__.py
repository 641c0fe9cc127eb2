"""Browsers: people who use the pages of real hubs, in Chromium, and look at what they show.

``chromium`` has the browser, ``people`` those who use it, and ``witness`` notes what no page may do
while they are there: speak to another host, fail, or complain. ``sight`` reads what is on the
screen, and ``explorer`` is GraphiQL.
"""

"""Programs made of the snippets: they do what lines of JSON say, and tell what becomes of it."""

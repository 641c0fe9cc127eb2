"""What is announced: the bus over broadcaster, feeds, mailboxes. Knows neither GraphQL nor SQL."""

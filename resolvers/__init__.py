"""What the fields do: who may, what changes, what is announced. No GraphQL, no SQL."""

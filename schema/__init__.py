"""What clients see: types, the three roots, GraphQL over HTTP and WebSocket."""

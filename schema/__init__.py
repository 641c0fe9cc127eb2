"""What clients see: Strawberry types, the three roots, the GraphQL endpoint over HTTP and WebSocket."""

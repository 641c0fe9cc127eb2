"""What subscriptions stream: async generators that register first, then read, then follow."""

"""What the queue costs, whether few wait or a million."""

"""What it costs to tell many subscribers, beside other servers and the bare minimum."""

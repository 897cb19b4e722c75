"""What a run says of its own answer."""

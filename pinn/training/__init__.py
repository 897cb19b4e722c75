"""From a problem to trained params."""

"""The losses, one family per module."""

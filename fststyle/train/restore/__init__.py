"""Restoration of damaged pictures by optimization."""

"""Restoration of damaged images by optimization (`fststyle restore`)."""

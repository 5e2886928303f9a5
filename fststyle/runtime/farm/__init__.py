"""Distributed stylization on a Ray cluster."""

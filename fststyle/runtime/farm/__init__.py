"""Stylize on several machines with Ray."""

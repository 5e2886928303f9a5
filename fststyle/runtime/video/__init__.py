"""Stylize videos."""

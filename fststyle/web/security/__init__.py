"""Middleware that protects the application."""

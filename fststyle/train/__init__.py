"""Training, with torch."""

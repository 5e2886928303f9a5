"""Training on a folder of paintings: unpaired translation from photos to paintings."""

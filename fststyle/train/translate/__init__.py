"""Training on a folder of paintings: unpaired translation from photos (`fststyle translate train`)."""

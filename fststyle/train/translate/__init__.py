"""Training with a folder of paintings and unpaired photos (`fststyle translate train`)."""

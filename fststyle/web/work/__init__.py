"""Background jobs: videos, batches of photos, and training."""

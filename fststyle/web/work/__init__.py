"""Work that outlives a request: videos, batches of photos, and trainings."""

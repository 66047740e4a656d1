"""The `predict` command: from files to geometry on disk, resumable, in constant memory."""

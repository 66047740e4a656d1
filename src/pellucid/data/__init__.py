"""Reading clips for training: sequences on disk, the co-training mixture, augmentation."""

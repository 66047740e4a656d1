"""The two methods on the Wan video model: latents, targets, windows, weights, pipeline."""

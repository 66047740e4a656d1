"""Training: one loop, recipes, exact resume."""

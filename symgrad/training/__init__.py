"""Gradient descent with generated gradients: data, models, the loop, curves."""

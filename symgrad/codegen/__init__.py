"""From operations to source text: one emitter for each target, and what they share."""

"""The public names of a stack, as the world sees them: asked from another host, and judged layer by layer."""

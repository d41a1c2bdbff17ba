"""The certificates that a stack makes for itself: which services need one, whether theirs are good, how they come, and how they go back."""

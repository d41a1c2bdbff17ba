"""Why a host cannot be operated, and what would mend it: the way to it, our rights on it, and what its stack is configured to be."""

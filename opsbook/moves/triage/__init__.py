"""From everything that a host tells to a ranked list of what may be wrong with it."""

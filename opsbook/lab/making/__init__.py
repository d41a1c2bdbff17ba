"""Images of the lab: made once, kept in the engine, told apart by a digest of what they are made from."""

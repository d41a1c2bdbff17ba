"""What makes a server one of ours: a user with its key, programs for root's part, an sshd that takes keys only."""

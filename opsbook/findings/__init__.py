"""What a look found, and how it is told: shared by triage and the doctor."""

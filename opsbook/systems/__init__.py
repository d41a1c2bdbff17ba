"""What opsbook drives, one noun a file: pure builders of questions and changes, and parsers of their answers."""

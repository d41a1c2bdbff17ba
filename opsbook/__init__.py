"""An operations workbook whose every procedure is one command that proves its effect."""

__version__ = "0.1.0"

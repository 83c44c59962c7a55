"""seatrial puts an AI system through sea trials before it goes live, and answers GO or NO-GO."""

__version__ = "0.1.0"

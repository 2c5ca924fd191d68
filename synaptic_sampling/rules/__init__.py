"""Rules that decide which connections are eliminated and formed, and the step that carries the decision out."""

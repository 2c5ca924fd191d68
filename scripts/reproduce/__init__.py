"""Published results and claims, each reproduced by one command: one file per name, and what they have in common."""

"""Code that uses private parts of Brian2 at run time, after a check of its version."""

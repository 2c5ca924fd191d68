"""All that touches private parts of Brian2 at run time, checked against its version before it is used."""

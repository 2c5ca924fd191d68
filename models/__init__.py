"""Networks built from the library, one file each, and the data they learn."""

"""Networks built from the library, one file each, and their data sets."""

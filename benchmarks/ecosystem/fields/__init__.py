"""The cases, one module per field."""

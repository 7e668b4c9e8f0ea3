"""One checkout: its files, parameters, locks, fingerprints and checkpoints."""

"""The command `elimax`."""

"""How much a second does of what everything else waits for, with its history."""

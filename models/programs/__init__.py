"""Programs for a policy to learn from: drawn at random, or real functions of packages."""

"""Programs for a policy to learn from: random ones, and real functions of packages."""

"""What tests share: random programs, comparisons, checkouts."""

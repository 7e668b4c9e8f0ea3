"""`make ecosystem`: compares elimax with JAX on functions of other packages."""

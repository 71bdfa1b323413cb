"""What the post claims, and what follows: each claim measured on small machines, and judged."""

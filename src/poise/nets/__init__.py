"""Networks: building blocks that know nothing of games."""

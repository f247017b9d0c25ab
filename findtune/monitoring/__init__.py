"""What served searches and picks show: preferences, drift, and when to train again."""

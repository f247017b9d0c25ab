"""Findtune tunes a retrieval stack on a team's own data and its users' feedback."""

"""Errors, files, parameters and text: what every other part of Findtune builds on."""

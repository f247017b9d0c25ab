"""How the starter catalog was composed. No user of the project needs it."""

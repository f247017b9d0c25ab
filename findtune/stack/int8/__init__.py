"""Int8 copies of the models that read text: made, judged on test, timed, and run in a stack."""

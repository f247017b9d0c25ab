"""From the exports of other programs to the project's formats of feedback."""

"""What people run beside the pipeline: one module each, as `python -m commands.NAME`."""

from stages import interrupts as interrupts

"""Copies a file into a folder: the only program of the tiny project."""

import shutil
import sys
from pathlib import Path

folder, source, name = Path(sys.argv[1]), sys.argv[2], (sys.argv[3:] or sys.argv[2:])[0]
folder.mkdir(parents=True, exist_ok=True)
shutil.copyfile(source, folder / name)

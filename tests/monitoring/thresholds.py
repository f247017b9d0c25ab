"""The thresholds with which monitoring is tested."""

from findtune.monitoring.retraining import MonitorSettings

SETTINGS = MonitorSettings(
    level=0.05,
    recent_weeks=2,
    max_unlike=0.1,
    max_separation=0.6,
    max_change=0.05,
    new_answers=100.0,
)

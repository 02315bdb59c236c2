"""What may be done about a forecast: set points that cost less and keep limits, and the best time for maintenance."""

from hil.twin.forecast.prescribe.maintenance import Window, Windows, best_window
from hil.twin.forecast.prescribe.setpoint import Advice, Goal, Option, best_setpoint, judge_setpoint

__all__ = ["Advice", "Goal", "Option", "Window", "Windows", "best_setpoint", "best_window", "judge_setpoint"]

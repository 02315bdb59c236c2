"""temp"""
from typing import Any
def page(result: Any, outcome: Any, history: Any) -> str:
    return ""

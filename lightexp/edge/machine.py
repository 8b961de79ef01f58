"""What a latency was measured on."""

import platform
from pathlib import Path

INTEGER_PRODUCTS = ("amx_int8", "avx512_vnni", "avx_vnni", "i8mm", "asimddp")
"""Instructions that add up products of 8-bit integers, without which int8 is hardly faster than float; as Linux names them."""


def processor() -> str:
    """Its name, where the system tells it, and which instructions for 8-bit integers it has."""
    info = Path("/proc/cpuinfo")
    lines = dict(line.split(":", 1) for line in info.read_text().splitlines() if ":" in line) if info.exists() else {}
    told = {name.strip(): value.strip() for name, value in lines.items()}
    name = told.get("model name") or platform.processor() or platform.machine()
    flags = (told.get("flags") or told.get("Features") or "").split()
    known = [flag for flag in INTEGER_PRODUCTS if flag in flags]
    return f"{name} with {', '.join(known)}" if known else name

"""What MLflow's page is told to show of a sweep."""

import pandas as pd

from lightexp.report.settings import varying


def settings(frame: pd.DataFrame) -> list[str]:
    """What varies, the seed included if it does, as MLflow's page names it: "params.NAME", or "tags.NAME" where it is no param."""
    seed = ["seed"] if "param.seed" in frame and frame["param.seed"].nunique() > 1 else []
    return [f"params.{name}" if f"param.{name}" in frame else f"tags.{name}" for name in [*varying(frame)[0], *seed]]

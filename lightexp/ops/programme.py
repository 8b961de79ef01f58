"""Integer programmes."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp


def cheapest_choice(costs: np.ndarray, amounts: np.ndarray, budget: int) -> np.ndarray:
    """One choice a row so that the costs sum to the least, min Σ c_ij x_ij, while the amounts stay within Σ a_ij x_ij ≤ budget.

    Args:
        costs: R×K, finite. amounts: R×K, integers ≥ 0.

    Returns:
        The chosen column of each row.

    Raises:
        ValueError: no choice stays within the budget.
    """
    rows, columns = costs.shape
    # Σ_j x_ij = 1, so a row's costs count from its least one.
    relative = costs - costs.min(axis=1, keepdims=True)
    each_row = LinearConstraint(np.kron(np.eye(rows), np.ones(columns)), 1, 1)
    limit = budget
    while True:
        within = LinearConstraint(amounts.reshape(1, -1) / max(budget, 1), ub=limit / max(budget, 1))
        found = milp(
            relative.reshape(-1) / (relative.max() or 1),
            integrality=np.ones(rows * columns),
            bounds=Bounds(0, 1),
            constraints=[each_row, within],
            options={"mip_rel_gap": 0},
        )
        if found.x is None:
            raise ValueError(f"no choice stays within {budget}: {found.message}")
        chosen = found.x.reshape(rows, columns).argmax(axis=1)
        excess = int(amounts[np.arange(rows), chosen].sum()) - budget
        if excess <= 0:
            return chosen
        # The solver allows for rounding; a budget does not.
        limit -= excess

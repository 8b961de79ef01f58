"""Runs kept in MLflow."""

from lightexp.track.mlflow import MLflow

__all__ = ["MLflow"]

"""Factorizations: one layer as several smaller ones, and how small."""

"""Trained models for others: packs, model cards, the hub, and loading with checks."""

"""Panels of the notebooks: controls and pictures, no logic of their own."""

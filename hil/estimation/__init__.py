"""Numbers behind estimators: what a set of measurements can tell of a state, and which covariances cannot be.

Plain NumPy; nothing here compiles a model.
"""

"""Design-time mathematics: numbers for controllers, detectors and data checks, made from what is wanted of them."""

"""The benches that come with the package, each a folder of data."""

"""Generators: companies' APIs and the built-in engine, one module each."""

"""Loopback simulators of the providers: strict, scriptable, and labelled as what they are."""

"""Webhooks as they leave this house: signed, once, to addresses of the public net."""

"""Adapters of payment gateways: bank transfers that staff confirm, and Stripe."""

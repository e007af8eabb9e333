"""The asset store: files by the digest of their content."""

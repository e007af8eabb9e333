"""Documents: a storyboard as PDF, animatic or ZIP."""

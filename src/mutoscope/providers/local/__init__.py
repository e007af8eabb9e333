"""The built-in engine: animatic stills and clips from a prompt, with nothing but the processor."""

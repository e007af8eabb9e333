"""The log of a command: events and fields on the error stream, without local variables.

Owns the configuration of structlog. Invariant: a traceback is told plain, because locals hold
addresses of databases with their passwords.
"""

import logging
import sys

import structlog


def configure(*, level: int = logging.WARNING) -> None:
    """Log from a level on, one line an event, to the error stream."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )

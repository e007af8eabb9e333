"""Usage as CSV for a table program: a row for each member, project, tool or day and kind.

The surprising choice: a text that a table program would run as a formula gets an apostrophe before
it, as in a shot list.
"""

import csv
import io
from dataclasses import asdict, fields

from mutoscope.app.usage import Usage, UsageRow
from mutoscope.documents.shot_list import BOM, FORMULAS


def usage_csv(found: Usage) -> str:
    """Return the rows as CSV with a line of names."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, [field.name for field in fields(UsageRow)])
    writer.writeheader()
    for row in found.rows:
        writer.writerow({name: _harmless(value) for name, value in asdict(row).items()})
    return BOM + file.getvalue()


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value

"""The version of the schema, and the way to it from an empty file or from an older version."""

from pathlib import Path

import apsw

VERSION = 2
UPGRADES = {
    # The restart budget stood in `detail` as "program (rule): reason".
    1: """
ALTER TABLE event ADD COLUMN program TEXT;
ALTER TABLE event ADD COLUMN rule TEXT;
UPDATE event SET
    program = substr(detail, 1, instr(detail, ' (') - 1),
    rule = substr(
        detail, instr(detail, ' (') + 2, instr(detail, '): ') - instr(detail, ' (') - 2)
WHERE source = 'watchdog' AND kind IN ('restart', 'kill', 'start')
    AND instr(detail, ' (') > 0 AND instr(detail, '): ') > instr(detail, ' (');
ALTER TABLE rest_ban ADD COLUMN kind TEXT NOT NULL DEFAULT 'banned'
    CHECK (kind IN ('banned', 'over-budget'));
UPDATE rest_ban SET kind = 'over-budget' WHERE pauses = 0;
""",
}
"""From version N to N + 1: the statements that lead there. schema.sql is the sum of them."""

SCHEMA = Path(__file__).resolve().parent.parent.parent / "schema.sql"


def upgrade(connection: apsw.Connection, version: int) -> None:
    """Within a transaction: bring a database of `version`, 0 for an empty one, to `VERSION`."""
    if version == 0:
        connection.execute(SCHEMA.read_text("utf-8"))
        return
    for step in range(version, VERSION):
        connection.execute(UPGRADES[step])
        connection.pragma("user_version", step + 1)

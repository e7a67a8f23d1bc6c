"""The verdict on a subject: a row for each check, as data and as a table.

In: rows. Out: a `Report` that prints itself, answers `.ok` and turns into JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

_STYLES = {"ok": "green", "wrong": "bold red", "cannot tell": "yellow"}


@dataclass(frozen=True)
class Row:
    """What one check found about one layer on one target.

    Attributes:
        layer: The name of the System.
        check: The name of the check.
        target: Where the derivation was run.
        examples: How many instances were tried.
        undecided: How many of them decided nothing.
        ulps: The largest error, in ulps of the largest entry of its tensor.
        seconds: Time taken.
        verdict: "ok", "wrong", or "cannot tell" where no instance decided anything.
        kind: For a wrong one, a word that groups causes.
        detail: What is wrong and where, at the smallest instance found.
        script: A program that shows it.
    """

    layer: str
    check: str
    target: str
    examples: int
    undecided: int
    ulps: float
    seconds: float
    verdict: str
    kind: str = ""
    detail: str = ""
    script: str = ""


@dataclass(frozen=True)
class Report:
    """Rows, and what follows from them.

    Attributes:
        rows: One for each check, in order.
    """

    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong

    @property
    def wrong(self) -> tuple[Row, ...]:
        """The rows that found a defect."""
        return tuple(r for r in self.rows if r.verdict == "wrong")

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; a number that is not finite becomes None."""
        rows = [asdict(r) for r in self.rows]
        for row in rows:
            row["ulps"] = row["ulps"] if row["ulps"] < float("inf") else None
        return {"ok": self.ok, "rows": rows}

    def table(self) -> Table:
        """Return the rows as a table for the terminal."""
        from rich.table import Table  # noqa: PLC0415 (quick to do without)

        table = Table(title=None, pad_edge=False)
        for name in ("layer", "check", "target"):
            table.add_column(name)
        for name in ("examples", "worst ulps", "seconds"):
            table.add_column(name, justify="right")
        table.add_column("verdict")
        for row in self.rows:
            undecided = f" ({row.undecided} undecided)" if row.undecided else ""
            table.add_row(
                row.layer,
                row.check,
                row.target,
                f"{row.examples}{undecided}",
                f"{row.ulps:.1f}",
                f"{row.seconds:.2f}",
                f"[{_STYLES[row.verdict]}]{row.verdict}[/]",
            )
        return table

    def __str__(self) -> str:
        from rich.console import Console  # noqa: PLC0415 (quick to do without)

        text = StringIO()
        Console(file=text, width=120, no_color=True).print(self.table())
        for row in self.wrong:
            text.write(f"\n{row.layer}, {row.check}, {row.target}: {row.detail}\n\n{row.script}")
        return text.getvalue().rstrip()


def joined(reports: Iterable[Report]) -> Report:
    """Return one report with the rows of all."""
    return Report(tuple(row for report in reports for row in report.rows))

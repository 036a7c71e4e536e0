"""The documents of this project as tests read them: their text, headings and links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Document:
    """One Markdown file."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """Where it stands, from the project's root."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return FENCE.sub("", self.text)

    @property
    def headings(self) -> tuple[str, ...]:
        """Every heading, without its marks."""
        return tuple(re.findall(r"^#{1,6} (.+)$", self.prose, re.MULTILINE))

    @property
    def links(self) -> tuple[str, ...]:
        """Every link's target."""
        return tuple(LINK.findall(self.prose))

    def anchors(self) -> set[str]:
        """Return what a link to a heading of this document may name after the `#`."""
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in self.headings}


def documents() -> list[Document]:
    """Return all Markdown files of the project: those at the root and those under docs/."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [Document(path, path.read_text(encoding="utf-8")) for path in sorted(paths)]

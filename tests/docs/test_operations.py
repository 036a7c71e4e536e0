"""The page on operations: each setting has its heading, and each heading is a setting."""

from router.settings import PREFIX, Settings
from tests.docs.documents import ROOT, Document

PATH = ROOT / "docs" / "operations.md"


def test_every_setting_has_its_heading() -> None:
    """Who looks a variable up finds it, and finds none that is not read."""
    page = Document(PATH, PATH.read_text(encoding="utf-8"))
    told = [heading for heading in page.headings if heading.startswith(PREFIX)]

    assert told == [PREFIX + name.upper() for name in Settings.model_fields]


def test_every_setting_has_its_default() -> None:
    """What holds when a variable is unset stands with it."""
    sections = PATH.read_text(encoding="utf-8").split("\n### ")[1:]

    assert [section for section in sections if "Default: " not in section] == []

"""Links between documents lead somewhere; those that leave the project are not followed."""

import pytest

from tests.docs.documents import Document, documents


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_links_lead_to_a_file_and_a_heading(document: Document) -> None:
    """Each relative link names a file that exists and, after `#`, a heading that stands in it."""
    broken = []
    for link in document.links:
        if "://" in link or link.startswith("mailto:"):
            continue
        file, _, anchor = link.partition("#")
        target = (document.path.parent / file).resolve() if file else document.path
        found = target.exists()
        if found and anchor and target.suffix == ".md":
            found = anchor in Document(target, target.read_text(encoding="utf-8")).anchors()
        if not found:
            broken.append(link)

    assert broken == []

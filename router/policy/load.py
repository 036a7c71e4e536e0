"""From a directory to a policy that checks, or to everything that is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from pydantic import ValidationError

from router.domain.policy import Policy
from router.policy.build import build
from router.policy.dataset import Dataset, read_dataset
from router.policy.documents import Document, Place, read_directory
from router.policy.mend import mend
from router.policy.problems import Findings, PolicyInvalid, Problem
from router.policy.reading import Reading
from router.policy.shape_errors import problems_of
from router.policy.shapes import SECTIONS, STORED, NotifyShape, PolicyShape, SourceShape
from router.policy.version import with_version


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that checks. `sources` and `notify` are for the gateway and the notifier."""

    policy: Policy
    warnings: tuple[Problem, ...] = ()
    sources: Mapping[str, SourceShape] = field(default_factory=dict)
    notify: NotifyShape = field(default_factory=NotifyShape)


def load_policy(directory: Path) -> Loaded:
    """
    Read, check and build the configuration in *directory*.

    Raises `PolicyInvalid`, with every error that was found, where it does not
    check; it never raises anything else for what stands in the files.
    """
    findings = Findings()
    document = read_directory(directory, SECTIONS, findings)
    complete = not findings.errors
    shape = _shape(document, findings, complete=complete)
    if shape is None:
        raise PolicyInvalid(findings.errors)
    dataset = Dataset()
    if shape.enrichment and shape.enrichment.dataset:
        dataset = _dataset(directory, shape.enrichment.dataset, document, findings)
    refused = frozenset(Place(one.file, one.line) for one in findings.errors)
    policy = build(shape, dataset, Reading(document, findings, complete=not refused, refused=refused))
    if findings.errors:
        raise PolicyInvalid(findings.errors)
    return Loaded(with_version(policy), tuple(sorted(set(findings.warnings))), shape.sources, shape.notify)


def restore(text: str, companies: Mapping[str, Mapping[str, object]] | None = None) -> Policy:
    """
    Return the policy of a canonical text; its version is that of the text.

    The text does not hold the dataset: *companies* gives it where companies are
    to be looked up. Raises `PolicyInvalid` for a text that this release cannot read.
    """
    document = Document(fallback=Place("stored policy", 0))
    findings = Findings()
    values = json.loads(text)
    values.pop("bundled", None)
    enrichment = values.get("enrichment", {})
    digest, columns = enrichment.pop("dataset_digest", ""), tuple(enrichment.pop("columns", ()))
    document.values = values
    shape = _shape(document, findings, complete=True, context=STORED)
    if shape is None:
        raise PolicyInvalid(findings.errors)
    policy = build(shape, Dataset(companies or {}, columns, digest), Reading(document, findings))
    if findings.errors:
        raise PolicyInvalid(findings.errors)
    return with_version(policy)


def _shape(
    document: Document, findings: Findings, *, complete: bool, context: Mapping[str, bool] | None = None
) -> PolicyShape | None:
    """Return the shape, mended where it is broken, so that the expressions of a broken one are checked too."""
    try:
        return PolicyShape.model_validate(document.values, context=context)
    except ValidationError as exc:
        told = problems_of(exc, document, PolicyShape)
        # where a file could not be read, its sections are not missing
        findings.errors += [one for one in told if complete or not one.message.startswith("section ")]
        return mend(document.values)


def _dataset(directory: Path, name: str, document: Document, findings: Findings) -> Dataset:
    at = ("enrichment", "dataset")
    if PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        told = f"the dataset {name!r} is outside the configuration"
        findings.errors.append(document.problem(at, told, "put it beside the YAML files"))
        return Dataset()
    path = directory / name
    if not path.is_file():
        findings.errors.append(document.problem(at, f"there is no file {name!r} here", "put it beside the YAML files"))
        return Dataset()
    return read_dataset(path, str(path), findings)

"""
How senior a person is, from the words of a job title.

Cues in English, German, French, Spanish, Portuguese, Dutch and Italian; the
highest one in the title wins. Words that only sound high are taken out first: who
assists a chief is none, and neither is a product owner or a business partner. A
*managing director* counts as a director, a *partner of the firm* as an owner, a
*chief of staff* or of a unit as its head. What the person works on is in
`router.domain.departments`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from router.domain.departments import DEPARTMENT_CUES, department_of
from router.domain.title_words import plain_title

Level = Literal["c_level", "vp", "director", "manager", "senior", "staff", "unknown"]
RANKS: dict[Level, int] = {
    "c_level": 6,
    "vp": 5,
    "director": 4,
    "manager": 3,
    "senior": 2,
    "staff": 1,
    "unknown": 0,
}


@dataclass(frozen=True, slots=True)
class Seniority:
    """What a title tells; `department` is None where it names none."""

    level: Level
    rank: int
    department: str | None


@lru_cache(maxsize=8192)
def seniority_of(title: str | None) -> Seniority:
    """
    Read a job title.

    >>> seniority_of("Executive Assistant to the VP Sales").level, seniority_of("Vice-President, Sales").level
    ('staff', 'vp')
    """
    words = plain_title(title or "")
    level = _level(words)
    return Seniority(level, RANKS[level], department_of(words, leads_company=level == "c_level"))


_CHIEFS = r"c(?:[a-gik-pr-tu-x]|hr|is|in|lin)o"
_PREPOSITIONS = r"(?:to|for|of|der|des|de|du|do|da|del|della|di|van|fur|im|al|a|in|at)"
_LEADERS = (
    rf"(?:{_CHIEFS}|chief|president|founders?|owner|chair\w*|board|[ser]?vp|vice|directors?|managing|manager|head|executive"
    r"|leadership|gesch(?:a|ae)fts\w+|vorstand\w*|direction|direktion|gerencia|direzione|directie|presid\w+)"
)

_TRAINEE = re.compile(
    r"\b(?:interns?|internship|trainee|apprentice|praktikant\w*|praktikum|azubi|auszubildend\w*|werkstudent\w*|"
    r"working student|stagiaires?|stagista|tirocinante|becari[oa]|practicante|estagiari[oa]|alternante?|apprentie?|"
    r"(?:\w+ )?student(?= at\b|,|$))\b(?! (?:program|coordinat|recruit|relation|experience|develop|manage))"
)
_ASSISTANT = re.compile(
    r"\b(?:assistants?|assistante|assistent\w*|\w*assistenz|as+istente|secretary(?= to)|sekretar\w*|secretaire|"
    r"secretaria|segretari\w+|secretaresse|aide(?= to)|[pe]a(?= to))\b"
    rf"(?! (?!{_PREPOSITIONS}\b)[\w ]*\b(?:{_LEADERS}|mgr|lead|leader|professor|dean|administrator)\b)"
)
_REPORTS_TO = re.compile(
    rf"\b(?:to (?:the |our |a )?{_LEADERS}|office of the {_LEADERS}|{_LEADERS} office|"
    rf"{_CHIEFS} (?:group|team|services))\b.*"
)

_SOUNDS_HIGH = re.compile(
    r"\b(?:"
    r"(?:product|process|service|data|systems?|application|platform|solution|technical|tech|feature|asset|risk|control|"
    r"domain|epic|project|backlog|journey|content|category|capability|release) owner"
    r"|owners? (?:rep\w*|relations|services|success|experience|support)"
    r"|founders? (?:associate|office|relations|success|community|program\w*)"
    r"|board (?:games?|certified|operator|design|assembly|level)|(?:circuit|key|story|bill) board"
    r"|leads? (?:gen\w*|nurtur\w*|qualif\w*|scor\w*|routing|acquisition|conversion|manage\w*|capture|research\w*"
    r"|to cash|development rep\w*|development specialist)"
    r"|thought leader\w*|head (?:office|hunt\w*|count|chef|coach|nurse|teacher|waiter|waitress|bartender|gardener|cook)"
    r"|head ?quarters?|vice (?:chancellor|principal)|chef de (?:cuisine|partie|rang)"
    r")\b"
)

_CUES: tuple[tuple[Level, re.Pattern[str]], ...] = (
    (
        "c_level",
        re.compile(
            rf"\b(?:{_CHIEFS}|chief(?:[ ,]\w+){{1,5}} officer|chief executive|"
            r"(?:co ?)?founders?|(?:co ?)?owner|proprietor|chair(?:man|woman|person)?|"
            r"(?<!vice )president[ae]?|boards?|non executive director|trustee|"
            r"(?:managing|founding|general|senior|equity) partner|"
            r"gesch(?:a|ae)fts(?:f(?:u|ue)hr|leit|inhab)\w*|\w*vorst(?:a|ae)nd\w*|aufsichtsrat\w*|\w*inhaber\w*|"
            r"gr(?:u|ue)nder\w*|mitgr(?:u|ue)nder\w*|"
            r"pdg|dg|direct(?:eur|rice) general\w*|(?:co ?)?fondat(?:eur|rice|ore)|gerante?|dirigeante?|"
            r"chef d (?:l )?entreprise|proprietaire|"
            r"director[a]? general|gerente general|director[a]? ejecutiv[oa]|fundador[a]?|duen[oa]|propietari[oa]|"
            r"consejer[oa] delegad[oa]|soci[oa](?: \w+)?|proprietari[oa]|diretor[a]? geral|diret+ore? generale|"
            r"amministrat\w+ delegat\w+|amministrat\w+ unic\w+|titolare|direttrice generale|"
            r"eigenaar|eigenares|oprichter|zaakvoerder|bestuurder|bestuursvoorzitter|algemeen directeur)\b"
            r"|(?:^|,)(?:equity )?partner(?= (?:at|in|of|for)\b|,|$)"
        ),
    ),
    ("vp", re.compile(r"\b(?:[a-z]?vp|vice presid\w+|vicepresid\w+|vizepr(?:a|ae)sid\w+)\b")),
    (
        "director",
        re.compile(
            r"\b(?:directors?|directora|dir|direct(?:eur|rice)|direktor\w*|diretor[a]?|dirett(?:ore|rice)|directie|head|chief|"
            r"general counsel|drh|daf|dsi|prokurist\w*|dirigente|hoofd|afdelingshoofd|"
            r"leitung|leiter(?:in)?|"
            r"(?!(?:team|gruppen|projekt|filial|markt|bau|schicht|objekt)leiter)\w+leit(?:er|erin|ung))\b|^md$|^md,"
        ),
    ),
    (
        "manager",
        re.compile(
            r"\b(?:managers?|manageress|mgr|gm|leads?|leader|supervisor\w*|foreman|\w*leit(?:er|erin|ung)|teamleider|"
            r"leidinggevende|gerente|jefe|jefa|chefe|encargad[oa]|chef d|chef de|responsable|responsabile|responsavel|"
            r"capo(?: \w+)?)\b"
        ),
    ),
    (
        "senior",
        re.compile(
            r"\b(?:senior|sr|snr|principal|principle|distinguished|fellow|leitende[rn]?|"
            r"staff (?:engineer|software|developer|scientist|designer|data|site|security|machine|platform|product))\b"
        ),
    ),
    (
        "staff",
        re.compile(
            r"\b(?:executive|engineer|developer|programmer|analyst|associate|assistant|specialist|co ?ordinator|"
            r"consultant|representative|rep|sdr|bdr|bdm|csm|agent|admin\w*|designer|scientist|research\w*|accountant|recruiter|"
            r"technician|officer|clerk|nurse|teacher|professor|lecturer|instructor|trainer|architect|advis[eo]r|writer|"
            r"editor|planner|buyer|seller|sales\w*|strategist|producer|attorney|lawyer|counsel|auditor|staff|member|employee|"
            r"operator|driver|secretary|reception\w*|owner|partner|student|controller|treasurer|evangelist|advocate|"
            r"freelance\w*|contractor|generalist|master|tester|support|junior|jr|"
            r"\w*entwickler\w*|\w*ingenieur\w*|\w*berater\w*|referent\w*|sachbearbeiter\w*|\w*mitarbeiter\w*|"
            r"\w*verk(?:a|ae)ufer\w*|\w*kaufmann|\w*kauffrau|techniker\w*|developpeur|developpeuse|conseill\w+|"
            r"charge[e]? d|commercial\w*|vendeu\w+|desarrollador\w*|ingenier\w+|asesor\w*|vendedor\w*|analista|tecnico|"
            r"engenheir\w+|desenvolvedor\w*|consultor\w*|sviluppatore|ingegnere|impiegat\w+|consulente|"
            r"medewerker|ontwikkelaar|adviseur|verkoper)\b"
        ),
    ),
)

_ALL_CUES = (
    *(cue.pattern for cue in (_TRAINEE, _ASSISTANT, _REPORTS_TO, _SOUNDS_HIGH)),
    *(f"{level} {cue.pattern}" for level, cue in _CUES),
    DEPARTMENT_CUES,
)
CUES_VERSION = hashlib.sha256("\n".join(_ALL_CUES).encode()).hexdigest()[:12]
"""Changes with any cue: what a title tells is part of how a policy decides."""


def _level(words: str) -> Level:
    if _TRAINEE.search(words):
        return "staff"
    least: Level = "unknown"
    if assistant := _ASSISTANT.search(words):
        words = words[: words.rfind(",", 0, assistant.start()) + 1]  # whom they assist comes before or after
        least = "staff"
    words = _REPORTS_TO.sub("", _SOUNDS_HIGH.sub("employee", words.replace("chief of staff", "head of staff")))
    return next((level for level, cue in _CUES if cue.search(words)), least)

"""How senior a person is, and what they work on, from a job title."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.domain.seniority import RANKS, seniority_of

TITLES = Path(__file__).parents[3] / "shared" / "data" / "titles" / "title_levels.csv"


LEVELS = {
    "c_level": """
        CEO | C.E.O. | Chief Executive | CTO & Head of Product | Chief Information Security Officer | CHRO |
        ciso | President | Chief Product and Marketing Officer | Co-Founder | Owner | Business Owner |
        Chairwoman of the Board | Board Member | Chair | Managing Partner | Partner | Partner at Example LLP |
        Senior Partner | Founder, Product Owner | Non-Executive Director | Geschäftsführerin | GESCHAEFTSFUEHRER
        | Vorstandsvorsitzender | Inhaber | Gründerin | PDG | Directrice générale | Fondateur | Gérant |
        Director General | Gerente General | Dueña | Diretor Geral | Amministratore Delegato | Titolare |
        Eigenaar | Oprichter | Algemeen directeur | CEO, Executive Assistant
    """,
    "vp": """
        VP | Vice President | Vice-President of Sales | V.P. Marketing | SVP, IT | Executive Vice President |
        AVP Finance | Associate Vice President | Vizepräsident Vertrieb | Vicepresidente de Ventas | VP & GM |
        Vice Président Ventes
    """,
    "director": """
        Director | Sales Director | Art Director | Associate Director | Assistant Director |
        Assistant Development Director | Managing Director | Head of Sales | Global Head, Publishers |
        Deputy Head of IT | Executive Director | Sr. Dir. Finance | Chief of Staff | Chief of Staff to the CEO |
        Director - CTO Group | Vertriebsleiter | Leiterin Marketing | IT-Leitung | Directeur commercial |
        Directora de Marketing | Diretor de TI | Direttore Vendite | Hoofd Inkoop | MD | Chief Economist
    """,
    "manager": """
        Manager | Sales Manager | Assistant Manager | Account Manager | Product Mgr | Team Lead | Tech Lead |
        Lead Engineer | Team Leader | Supervisor | General Manager | Teamleiter | Projektleiterin |
        Gerente de Ventas | Jefe de Compras | Responsable Marketing | Responsabile Acquisti | Chef de projet |
        Teamleider | Office Manager & Executive Assistant | Lead Generation Manager | Head Office Manager |
        Internship Program Manager
    """,
    "senior": """
        Senior Engineer | Sr. Developer | Principal Engineer | Staff Engineer | Senior Account Executive |
        Leitender Ingenieur | Senior Product Owner
    """,
    "staff": """
        Engineer | Account Executive | Sales Executive | Assistant to the CEO | Executive Assistant to VP |
        CEO Assistant | Executive Assistant to the CEO and CFO | CEO's Executive Assistant |
        Executive Assistant, CEO Office | PA to the MD | Secretary to the Board | Product Owner | Process Owner
        | Lead Generation Specialist | Lead Gen Consultant | Community Manager Intern | Director of Fun (Intern)
        | Marketing Trainee | HR Business Partner | Channel Partner | Founder's Associate |
        Analyst, Office of the CFO | Board Game Designer | Advisor to the President | Head Chef |
        Softwareentwickler | Assistentin der Geschäftsleitung | Vorstandsassistenz | Assistante de direction |
        Asistente de gerencia | Werkstudent Marketing | Stagiaire | Sachbearbeiterin Einkauf |
        Medewerker Verkoop | PhD Student at Example University | Owner Relations Coordinator
    """,
    "unknown": " | - | Zzyzx | Jedi | n/a | Internal things | 🙂",
}


@pytest.mark.parametrize("level", LEVELS)
def test_levels(level: str) -> None:
    """The highest real cue in a title names the level; words that only sound high do not."""
    found = {title: seniority_of(title).level for title in LEVELS[level].split("|")}
    assert found == dict.fromkeys(found, level)


@pytest.mark.parametrize(
    ("department", "titles"),
    [
        ("executive", "CEO|Founder|Owner, Dentist|President & CTO|Geschäftsführer|Chairman of the Board"),
        ("engineering", "CTO|Software Engineer|VP Engineering|Backend Developer|Softwareentwickler|Head of Technology"),
        ("it", "CIO|IT Manager|IT-Leiter|System Administrator|Director, Information Technology|Leiter Informatik"),
        ("security", "CISO|Information Security Officer|Head of IT Security|Cybersecurity Analyst"),
        ("sales", "VP of Sales|Account Executive|Business Development Rep|CRO|Vertriebsleiter|Directora de Ventas"),
        ("marketing", "CMO|Product Marketing Manager|Head of Growth|Marketingleiter|SEO Specialist"),
        ("finance", "CFO|Accountant|Financial Controller|Leiter Finanzen|Director Financeiro"),
        ("hr", "CHRO|HR Business Partner|People Operations Lead|Recruiter|Leiterin Personal|DRH"),
        ("operations", "COO|Operations Manager|Supply Chain Director|Betriebsleiter|Director of Operations, IT"),
        ("legal", "General Counsel|Corporate Attorney|Compliance Officer|Rechtsanwalt"),
        ("product", "Product Owner|Head of Product|Produktmanager|CPO"),
        ("procurement", "Head of Procurement|Strategic Buyer|Einkaufsleiter|Responsable achats"),
        ("support", "Customer Success Manager|Help Desk Technician|Technical Support Engineer|Head of Client Services"),
        ("data", "Data Scientist|Head of Analytics|Machine Learning Engineer|CDO"),
        ("design", "UX Designer|Art Director"),
        ("research", "Research Fellow|Laboratory Director"),
        (None, "Manager|Director|VP|Intern|"),
    ],
)
def test_departments(department: str | None, titles: str) -> None:
    """The first word of a field names the department; who leads the whole company is the executive."""
    found = {title: seniority_of(title).department for title in titles.split("|")}
    assert found == dict.fromkeys(found, department)


def test_no_title() -> None:
    """No title is the level unknown."""
    assert (seniority_of(None).level, seniority_of(None).rank, seniority_of(None).department) == ("unknown", 0, None)


@given(st.text(max_size=300))
def test_any_text_has_a_level(title: str) -> None:
    """No text breaks the reading, and the rank goes with the level."""
    found = seniority_of(title)
    assert found.rank == RANKS[found.level]


@pytest.mark.skipif(not TITLES.is_file(), reason="the shared job titles are not here")
def test_agrees_with_labelled_titles() -> None:
    """At least 85 % of real titles get the level that people gave them."""
    levels = {
        "C-Suite": {"c_level"},
        "VP": {"vp"},
        "Director": {"director"},
        "Manager": {"manager"},
        "Other": {"senior", "staff", "unknown"},
    }
    with TITLES.open(encoding="utf-8", newline="") as rows:
        agreed = [seniority_of(row["Position"]).level in levels[row["Classification"]] for row in csv.DictReader(rows)]
    assert len(agreed) > 400
    assert sum(agreed) / len(agreed) >= 0.85

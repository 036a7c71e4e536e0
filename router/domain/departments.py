"""
What a person works on, from the words of a job title: the first cue in it counts.

Cues in English, German, French, Spanish, Portuguese, Dutch and Italian.
"""

from __future__ import annotations

import re

# In this order where two begin at the same word: a phrase stands before the word that it begins with.
_CUES = {
    "security": r"ciso|(?:information|cyber|it|network|application|cloud|data|product) ?security|cyber\w*|security|"
    r"infosec|devsecops|soc analyst|penetration test\w*|informationssicherheit|"
    r"seguridad informatica|sicurezza informatica",
    "marketing": r"cmo|product marketing|technical marketing|\w*marketing\w*|brand\w*|seo|sem|growth|demand gen\w*|"
    r"content|communications?|public relations|pr|social media|community|advertising|mercadotecnia|kommunikation|"
    r"comunicacion|comunicacao|comunicazione|communicatie",
    "data": r"cdo|data (?:scien\w+|analy\w+|engineer\w*|platform|architect\w*|governance|warehouse|insights)|data|"
    r"business intelligence|analytics|machine learning|artificial intelligence|ai|ml|statistic\w*|daten\w*|datos|dados",
    "procurement": r"procurement|purchas\w+|sourcing|buyers?|strategic sourcing|category manage\w*|\w*einkauf\w*|"
    r"\w*einkaufer\w*|achats|acheteu\w+|compras|acquisti|inkoop\w*|inkoper",
    "sales": r"cro|sales\w*|business development|bizdev|bdm|sdr|bdr|account (?:executive|manage\w*|director)|"
    r"key account\w*|revenue|partnerships?|channel|alliances|commercial|pre ?sales|\w*vertrieb\w*|\w*verkauf\w*|ventes|"
    r"ventas|vendas|vendite|verkoop|commerciale?|comercial",
    "support": r"customer (?:success|support|service|care|experience)|client (?:success|services|relations)|csm|"
    r"technical support|help ?desk|support|service desk|kunden\w+|service clients?|atencion al cliente|suporte|"
    r"klantenservice",
    "it": r"cio|it|information technology|information systems|systems? administrat\w+|sysadmin|network\w*|"
    r"infrastructure|database administrat\w+|dba|erp|sap|salesforce|data ?cent(?:er|re)|edv|dsi|informatik\w*|"
    r"informatique|sistemas|informatica|sistemi|technologie de l information|automatisering",
    "engineering": r"cto|software\w*|engineering|engineers?|developers?|development|programmer|devops|sre|back ?end|"
    r"front ?end|full ?stack|mobile|qa|quality assurance|platform|technology|technical|architect\w*|tech|"
    r"\w*entwickl\w+|\w*ingenieur\w*|ingenier\w+|engenh\w+|ingegner\w+|technique|technik\w*|desarroll\w+|"
    r"desenvolv\w+|svilupp\w+|developpe\w+|ontwikkel\w+",
    "product": r"cpo|products?|\w*produkt\w*|produits?|productos?|produtos?|prodott[oi]",
    "design": r"design\w*|ux|ui|user experience|creative|art director|gestaltung",
    "finance": r"cfo|financ\w+|accounting|accountants?|accounts? (?:payable|receivable)|controll\w+|treasur\w+|tax|"
    r"audit\w*|fp a|bookkeep\w+|payroll|investor relations|\w*finanz\w*|buchhalt\w+|comptab\w+|contab\w+|"
    r"daf|boekhoud\w+",
    "hr": r"chro|hr|human resources|people|talent|recruit\w+|personnel|compensation|benefits|learning|culture|"
    r"\w*personal\w*|rh|drh|recursos humanos|ressources humaines|risorse umane|personeel\w*|employee \w+",
    "legal": r"clo|legal\w*|counsel|attorney|lawyer|compliance|privacy|contracts?|paralegal|regulatory|recht\w*|"
    r"jurist\w*|juridi\w+|avocat\w*|abogad\w+|advogad\w+|avvocat\w+|syndikus\w*",
    "research": r"research\w*|scien\w+|laborator\w+|lab|labs|clinical|professor|forsch\w+|recherche|"
    r"investigacion|ricerca",
    "operations": r"coo|operations?|operational|ops|logistics|supply chain|manufacturing|production|facilit\w+|"
    r"warehouse|fulfil\w+|project manage\w*|program(?:me)? manage\w*|office manager|quality|procedures|\w*betrieb\w*|"
    r"logisti\w+|produktion\w*|operaciones|operacoes|operazioni|administration",
}
DEPARTMENT_CUES = "|".join(rf"(?P<{name}>\b(?:{cues})\b)" for name, cues in _CUES.items())
_DEPARTMENT = re.compile(DEPARTMENT_CUES)
_WHOLE_COMPANY = re.compile(r"\bceo\b|\bchief executive\b|\bpresident\b|\bmanaging director\b|\bpdg\b")


def department_of(words: str, *, leads_company: bool) -> str | None:
    """
    Return the department that plain title words name; "executive" for who leads the company as a whole.

    >>> department_of("vp of sales,marketing", leads_company=False), department_of("ceo", leads_company=True)
    ('sales', 'executive')
    """
    if leads_company and _WHOLE_COMPANY.search(words):
        return "executive"
    if found := _DEPARTMENT.search(words):
        return found.lastgroup
    return "executive" if leads_company else None

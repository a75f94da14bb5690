"""The first day at the console in a real browser: from the link of the terminal to two members of staff."""

from __future__ import annotations

import re

import pyotp
from playwright.sync_api import Page, expect
from staffed import PASSWORD, PageAs, ServedConsole

from bot.clock import utc_now
from bot.console.layout.navigation import list_entries
from bot.console.security.invitations import invite_from_terminal
from bot.db.engine import open_database


def invite(served: ServedConsole, email: str) -> str:
    """A link as `python -m bot invite` prints it."""

    async def make() -> str:
        db = open_database(served.running.settings.database_url)
        try:
            return await invite_from_terminal(db, served.url, email, "administrator")
        finally:
            await db.aclose()

    return served.act(make())


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Fill the form in and send it."""
    page.get_by_label("Adresse e-mail").fill(email)
    page.get_by_label("Mot de passe").fill(password)
    page.get_by_role("button", name="Se connecter").click()


def test_from_the_link_to_a_second_factor_and_a_colleague(page_as: PageAs, served: ServedConsole) -> None:
    """An invitation, a second factor, a recovery code, a colleague's invitation, their role, the log, and out."""
    page = page_as(None)
    page.goto(invite(served, "premiere@example.org"))
    page.get_by_label("Nom complet").fill("Première Personne")
    page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    page.get_by_label("Le même, encore une fois").fill(PASSWORD)
    page.get_by_role("button", name="Créer le compte").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Bonjour .?Première Personne"))

    page.get_by_role("link", name="Activer la double authentification").click()
    page.locator("#totp_current").fill(PASSWORD)
    page.get_by_role("button", name="Activer").click()
    secret = page.locator("#secret").inner_text().replace(" ", "")
    expect(page.get_by_role("img", name="Code QR")).to_be_visible()
    used = pyotp.TOTP(secret).at(utc_now())
    page.get_by_label("Code", exact=True).fill(used)
    page.get_by_role("button", name="Activer").click()
    codes = page.locator("#codes li").all_inner_texts()
    assert len(codes) == 8
    page.get_by_role("link", name="Je les ai notés").click()
    expect(page.get_by_text("Codes de secours restants : 8.")).to_be_visible()

    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Se déconnecter").click()
    expect(page.get_by_role("status")).to_have_text("Vous êtes déconnecté.")
    page.goto("/console/staff")
    expect(page).to_have_url(re.compile("/console/sign-in"))
    sign_in(page, "premiere@example.org", "un mauvais essai")
    expect(page.get_by_role("alert")).to_have_text("L'adresse ou le mot de passe n'est pas le bon.")
    sign_in(page, "premiere@example.org")
    page.get_by_label("Code", exact=True).fill(used)
    page.get_by_role("button", name="Vérifier").click()
    expect(page.locator("#code-error")).to_contain_text("il a déjà servi")
    page.get_by_label("Code", exact=True).fill(codes[3].upper())
    page.get_by_role("button", name="Vérifier").click()
    expect(page).to_have_url(f"{served.url}/console/staff")

    page.get_by_label("Adresse e-mail").fill("collegue@example.org")
    page.locator("#role").select_option("analyst")
    page.get_by_role("button", name="Créer le lien").click()
    link = page.locator("#link").input_value()
    colleague = page_as(None, language="ar")
    colleague.goto(link)
    expect(colleague.locator("html")).to_have_attribute("dir", "rtl")
    colleague.locator("#name").fill("زميل")
    colleague.locator("#password").fill("كلمات كثيرة بلا رابط")
    colleague.locator("#again").fill("كلمات كثيرة بلا رابط")
    colleague.locator("main button").click()
    expect(colleague.get_by_role("heading", level=1)).to_contain_text("مرحبًا")
    expect(colleague.locator("nav a")).to_have_count(len(list_entries("analyst")))

    page.goto("/console/staff")
    row = page.locator("li", has_text="collegue@example.org")
    row.locator("summary").click()
    row.locator("select").select_option("editor")
    row.get_by_role("button", name="Changer le rôle").click()
    expect(page.get_by_role("status")).to_have_text("Le rôle est changé. La personne doit se reconnecter.")
    colleague.reload()
    expect(colleague).to_have_url(re.compile("/console/sign-in"))

    page.goto("/console/audit")
    page.locator("#action").select_option("role_changed")  # htmx asks, and the address follows
    expect(page).to_have_url(re.compile("action=role_changed"))
    expect(page.locator("#entries tbody tr").first).to_contain_text("زميل")
    expect(page.locator("#entries tbody tr").first).to_contain_text("Rédacteur")
    expect(page.locator("h1")).to_have_count(1)


def test_a_session_that_ended_meanwhile(page_as: PageAs, served: ServedConsole) -> None:
    """A fragment that htmx asks for then leads to the sign-in page, and back to where one was."""
    member = served.add_member("administrator")
    page = page_as("administrator", member=member)
    page.goto("/console/audit")
    page.context.clear_cookies(name="console")
    page.locator("#action").select_option("signed_out")
    expect(page).to_have_url(re.compile("/console/sign-in"))
    sign_in(page, member.email)
    expect(page).to_have_url(re.compile("/console/audit"))


def test_the_language_is_chosen_before_signing_in(page_as: PageAs) -> None:
    """The chooser leads back to the same page, in the other language and direction."""
    page = page_as(None)
    page.goto("/console/sign-in?next=%2Fconsole%2Faccount")
    page.get_by_role("button", name="العربية").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.get_by_role("heading", level=1)).to_have_text("تسجيل الدخول")
    assert page.url.endswith("/console/sign-in?next=%2Fconsole%2Faccount")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")

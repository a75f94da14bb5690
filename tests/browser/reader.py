"""What a person does on the page, for the browser tests."""

from __future__ import annotations

from playwright.sync_api import Page, expect


def open_page(page: Page) -> None:
    """Open the page and wait for the welcome."""
    page.goto("/")
    expect(page.get_by_text("Je suis l'assistant")).to_be_visible()


def say(page: Page, text: str) -> None:
    """Type a text and press Enter."""
    page.locator("#text").fill(text)
    page.locator("#text").press("Enter")

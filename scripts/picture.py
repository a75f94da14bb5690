"""Take the pictures of the chat for the README from the running assistant: `make run`, then this script.

Needs Debian's chromium and fonts-noto-color-emoji. Writes docs/pictures/chat.png (two phones) and journeys.png (three).
"""

from __future__ import annotations

import base64
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "pictures"
#: By the name of the picture, what each phone's owner writes.
PICTURES = {
    "chat": (("c'est gratuit ?", "ça dure combien de mois ?"), ("هل التكوين مجاني؟", "أين توجد مراكز التكوين؟")),
    "journeys": (
        ("j'ai un bac+3, je suis au chômage à Rabat, je peux postuler ?",),
        ("بغيت نتسجل ف JobInTech", "موافق", "موافق", "سلمى الإدريسي", "واش فابور؟"),
        ("how does MNC help startups?", "Find my programme", "idea", "mentoring", "Rabat", "any sector"),
    ),
}
PHONE = {"width": 390, "height": 844}


def _take(browser: Browser, address: str, messages: tuple[str, ...]) -> str:
    page = browser.new_page(viewport=PHONE, device_scale_factor=1.5)
    page.goto(address)
    page.locator(".choices").first.wait_for()
    for message in messages:
        answers = page.locator("[role=log] > *").count()
        page.locator("textarea").fill(message)
        page.locator("textarea").press("Enter")
        page.wait_for_function("n => document.querySelectorAll('[role=log] > *').length > n + 1", arg=answers)
    page.wait_for_timeout(900)
    return base64.b64encode(page.screenshot()).decode()


def main(address: str) -> None:
    """Take every picture, its phones side by side."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, conversations in PICTURES.items():
            shots = [_take(browser, address, messages) for messages in conversations]
            _lay_out(browser, shots, FOLDER / f"{name}.png")
        browser.close()


def _lay_out(browser: Browser, shots: list[str], target: Path) -> None:
    sheet = browser.new_page(viewport={"width": 32 + 414 * len(shots), "height": 900})
    images = "".join(f'<img src="data:image/png;base64,{shot}" width=390>' for shot in shots)
    style = "margin:0;padding:28px;display:flex;gap:24px;background:#e9edf4"
    sheet.set_content(f'<body style="{style}">{images}</body>')
    sheet.add_style_tag(content="img{border-radius:22px;box-shadow:0 6px 24px #0003}")
    sheet.screenshot(path=target)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8000")

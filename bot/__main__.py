"""The command line: ``python -m bot <command>``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.errors import AssistantError
from bot.settings import load_settings


def _run(_arguments: argparse.Namespace) -> int:
    from bot.run import make_secret, run

    make_secret()
    settings = load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    for noisy in ("httpx", "alembic", "rasa_sdk"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    return asyncio.run(run(settings))


def _serve(_arguments: argparse.Namespace) -> int:
    import uvicorn

    from bot.app import make_app
    from bot.db.engine import open_database
    from bot.run import tell_first_link

    settings = load_settings()
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    held = open_database(settings.database_url).hold()
    try:
        asyncio.run(tell_first_link(settings))
        uvicorn.run(make_app(settings), host=settings.host, port=settings.port, access_log=False)
    finally:
        if held is not None:
            held.close()
    return 0


def _chat(arguments: argparse.Namespace) -> int:
    from bot.chat import chat

    asyncio.run(chat(arguments.url))
    return 0


def _train(arguments: argparse.Namespace) -> int:
    from bot.training import ensure_model

    model = ensure_model(force=arguments.force)
    if not arguments.compare:
        return 0
    from bot.comparison import compare_models

    return compare_models(model, arguments.compare)


def _evaluate(arguments: argparse.Namespace) -> int:
    from bot.training import ensure_model, evaluate_model

    return evaluate_model(ensure_model(), arguments.data, arguments.json, arguments.entities)


def _compare_default(arguments: argparse.Namespace) -> int:
    from bot.baseline import compare_with_default

    return compare_with_default(arguments.data)


def _seed(_arguments: argparse.Namespace) -> int:
    from bot.run import make_secret, prepare_database

    make_secret()
    asyncio.run(prepare_database(load_settings()))
    return 0


def _domain(arguments: argparse.Namespace) -> int:
    from bot.domain import check_domain, write_domain

    return asyncio.run(check_domain() if arguments.check else write_domain())


def _requests(_arguments: argparse.Namespace) -> int:
    from bot.run import make_secret
    from bot.staff import print_requests

    make_secret()
    asyncio.run(print_requests(load_settings()))
    return 0


def _staff(work: Callable[[Any, argparse.Namespace], Any]) -> Callable[[argparse.Namespace], int]:
    """A command that does something for the team in the database."""

    def run(arguments: argparse.Namespace) -> int:
        from bot import staff
        from bot.run import make_secret

        make_secret()
        asyncio.run(work(staff, arguments))
        return 0

    return run


def _invite(arguments: argparse.Namespace) -> int:
    from bot.run import invite, make_secret

    make_secret()
    asyncio.run(invite(load_settings(), arguments.email, arguments.role))
    return 0


def _report(arguments: argparse.Namespace) -> int:
    from bot.reporting import report
    from bot.run import make_secret

    make_secret()
    settings = load_settings()
    work = report(
        settings, arguments.month, arguments.language, arguments.pdf, force=arguments.force, mail=arguments.mail
    )
    asyncio.run(work)
    return 0


def _whatsapp_templates(_arguments: argparse.Namespace) -> int:
    from twilio.rest import Client

    from bot.channels.whatsapp_layout import whatsapp_words
    from bot.channels.whatsapp_templates import create_templates
    from bot.run import make_secret

    make_secret()
    settings = load_settings()
    if settings.twilio_auth_token is None:
        print("TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN and WHATSAPP_FROM must be set", file=sys.stderr)
        return 2
    client = Client(  # type: ignore[no-untyped-call]  # the library is not typed
        settings.twilio_account_sid, settings.twilio_auth_token.get_secret_value()
    )
    print(f"WHATSAPP_TEMPLATES={json.dumps(create_templates(client, whatsapp_words()))}")
    return 0


def _sample_data(arguments: argparse.Namespace) -> int:
    from bot.sample_data import fill

    asyncio.run(fill(arguments.database, arguments.messages, arguments.seed))
    return 0


def _bench(arguments: argparse.Namespace) -> int:
    from bot.bench import bench

    return asyncio.run(bench(arguments.database, arguments.messages, arguments.runs, arguments.json))


def _figures(arguments: argparse.Namespace) -> int:
    from bot.figures.terminal import print_figures
    from bot.run import make_secret

    make_secret()
    asked = {"period": arguments.period or "", "from": arguments.first or "", "to": arguments.last or ""}
    asyncio.run(print_figures(load_settings().database_url, asked, rebuilds=arguments.rebuild))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 when it could not, with one line that says why."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="The assistant of Maroc Numeric Cluster")
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, work: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(work=work)
        return command

    add("run", _run, "run everything: database, model, Rasa and the app")
    add("serve", _serve, "run the app alone; Rasa runs elsewhere")
    chat = add("chat", _chat, "talk to the running assistant")
    chat.add_argument("--url", default="http://127.0.0.1:8000", help="address of the app")
    train = add("train", _train, "train the language model if its inputs changed")
    train.add_argument("--force", action="store_true", help="train in any case")
    train.add_argument("--compare", type=Path, nargs="+", help="TSV files to measure it on, beside the model before it")
    evaluate = add("evaluate", _evaluate, "measure the language model on labelled messages")
    evaluate.add_argument("data", type=Path, nargs="+", help="TSV files: intent[|second acceptable]<TAB>text")
    evaluate.add_argument("--entities", type=Path, nargs="*", default=[], help="files of messages with marked entities")
    evaluate.add_argument("--json", type=Path, help="write the report there too")
    default = add("compare-default", _compare_default, "train Rasa's default pipeline and measure it beside ours")
    default.add_argument("data", type=Path, nargs="+", help="TSV files: intent[|second acceptable]<TAB>text")
    add("seed", _seed, "migrate the database and bring the shipped content up to date")
    domain = add("domain", _domain, "write the answers' French text into domain.yml")
    domain.add_argument("--check", action="store_true", help="only say whether it is up to date")
    invite = add("invite", _invite, "print a link into the console: for a new account, or for who is locked out")
    invite.add_argument("--email", required=True, help="whose account")
    invite.add_argument(
        "--role", choices=["administrator", "adviser", "editor", "analyst"], required=True, help="what they may do"
    )
    report = add("report", _report, "write the report of a month as PDF, or send it by mail")
    report.add_argument("--month", help="like 2026-11; the last one when not given")
    report.add_argument("--pdf", type=Path, help="the file to write")
    report.add_argument("--force", action="store_true", help="replace the file if it is there")
    report.add_argument(
        "--language", choices=["fr", "ar", "en"], default="fr", help="of the file (fr); mails have REPORT_LANGUAGE"
    )
    report.add_argument("--mail", action="store_true", help="send it now to REPORT_RECIPIENTS")
    add("requests", _requests, "list what people asked of the team")
    take = add(
        "take",
        _staff(lambda staff, a: staff.take(load_settings(), a.contact, a.name, a.hours)),
        "take a conversation over from the bot",
    )
    take.add_argument("contact", type=int, help="the contact's number, as `requests` shows it")
    take.add_argument("--name", required=True, help="who takes it")
    take.add_argument("--hours", type=float, default=2.0, help="how long the bot is silent (2)")
    say = add(
        "say", _staff(lambda staff, a: staff.say(load_settings(), a.contact, a.text)), "write to a person taken over"
    )
    say.add_argument("contact", type=int, help="the contact's number")
    say.add_argument("text", help="what to write")
    back = add(
        "hand-back",
        _staff(lambda staff, a: staff.give_back(load_settings(), a.contact)),
        "give a conversation back to the bot",
    )
    back.add_argument("contact", type=int, help="the contact's number")
    move = add(
        "move",
        _staff(lambda staff, a: staff.move_application(load_settings(), a.reference, a.state, a.name)),
        "change where an application stands, and tell the person",
    )
    move.add_argument("reference", help="the application's reference, JIT-…")
    move.add_argument(
        "state", choices=["received", "incomplete", "checking", "invited", "accepted", "refused", "withdrawn"]
    )
    move.add_argument("--name", required=True, help="who changes it")
    announce = add(
        "announce",
        _staff(lambda staff, a: staff.announce_news(load_settings(), a.topic, a.slug, a.name, again=a.again)),
        "tell subscribers of a cohort, an event or a publication",
    )
    announce.add_argument("topic", choices=["cohorts", "events", "publications"])
    announce.add_argument("slug", help="the row's name")
    announce.add_argument("--name", required=True, help="who announces it")
    announce.add_argument("--again", action="store_true", help="tell it also if it was told before")
    add(
        "whatsapp-templates",
        _whatsapp_templates,
        "create the WhatsApp button templates at Twilio and print the setting",
    )

    figures = add("figures", _figures, "print the main figures of a period beside the one before")
    figures.add_argument("--period", help="last-30-days (the usual), this-month, 2026-11, 2026 …")
    figures.add_argument("--from", dest="first", help="or its first day, like 2026-11-02")
    figures.add_argument("--to", dest="last", help="and its last")
    figures.add_argument("--rebuild", action="store_true", help="count every day anew before")

    sample = add("sample-data", _sample_data, "fill an empty database with conversations of people who do not exist")
    sample.add_argument("--messages", type=int, default=1_000_000, help="how many messages (1,000,000)")
    sample.add_argument("--database", required=True, help="its URL, as DATABASE_URL")
    sample.add_argument("--seed", type=int, default=1, help="the same number gives the same people (1)")
    bench = add("bench", _bench, "measure the console's lists, searches, threads and pages on sample data")
    bench.add_argument("--messages", type=int, default=1_000_000, help="how many messages to measure with (1,000,000)")
    bench.add_argument("--database", help="a URL; a file under var/bench when not given; filled if it is empty")
    bench.add_argument("--runs", type=int, default=200, help="how often each query runs (200)")
    bench.add_argument("--json", type=Path, help="write the figures there too")

    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.work(chosen))
    except AssistantError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

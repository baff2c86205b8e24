"""What a real daemon exports, asked over its real socket and read by Prometheus's own parser."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from terminal.bench.stall import HandScanner, Stall
from terminal.web import metrics
from tests.flows.conftest import FAST, RESULTS_STAY, Walk

FOLDER = Path(metrics.__file__).parent
ASSETS = (FOLDER / "metrics-alerts.yml", FOLDER / "metrics-dashboard.json")
OF_PROMETHEUS = {"up"}  # made by the one who scrapes
NAME = re.compile(r"\b(?:terminal|process)_[a-z_]+\b|\bup(?=\{)")


class Scrape:
    """One look: the text, and its samples by name."""

    def __init__(self, place: Path, path: str = metrics.PATH, method: str = "GET") -> None:
        line = http.client.HTTPConnection("localhost")
        line.sock = socket.socket(socket.AF_UNIX)
        line.sock.settimeout(30)
        line.sock.connect(str(place))
        line.request(method, path)
        answer = line.getresponse()
        self.status, self.text = answer.status, answer.read().decode()
        line.close()

    @property
    def families(self) -> list[Metric]:
        return list(text_string_to_metric_families(self.text))

    def value(self, name: str, **labels: str) -> float | None:
        samples = (each for family in self.families for each in family.samples)
        found = [
            it.value for it in samples if it.name == name and labels.items() <= it.labels.items()
        ]
        return found[0] if found else None


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    state = tmp_path_factory.mktemp("stall")
    changes = {**RESULTS_STAY, "metrics": {"enabled": True, "socket": str(state / "metrics.sock")}}
    stall = Stall(state, pace=FAST, changes=changes)
    try:
        stall.start()
        yield Walk(stall)
    finally:
        stall.stop()


@pytest.fixture(scope="module")
def after_sales(walk: Walk) -> Scrape:
    """One sale was paid at the glass, one with the customer's code, and the camera saw the counter."""
    place = walk.stall.state / "metrics.sock"
    walk.keys("1250 ok")
    walk.phone.pay(walk.sees_code())
    walk.paid(walk.newest()["order_no"])
    walk.stall.dismiss()
    walk.keys("431 ok")
    shown = walk.sees_code()

    def seen() -> bool:
        walk.stall.show_to_camera(Image.new("L", (320, 240), 200))
        return bool(Scrape(place).value("terminal_eye_frame_seconds_count"))

    walk.until(seen, "a look through the camera")
    walk.phone.open_code()
    walk.paid(walk.charged(shown))
    walk.stall.dismiss()
    return Scrape(place)


def test_the_numbers_are_those_of_the_journal(walk: Walk, after_sales: Scrape) -> None:
    rows = walk.stall.ask("journal", op="list", limit=50)["rows"]
    told = {
        (mode, outcome): after_sales.value(
            "terminal_orders_ended_total", mode=mode, outcome=outcome.replace(" ", "_")
        )
        for mode, outcome in {(row["mode"], row["outcome"]) for row in rows}
    }
    assert told == {
        pair: sum((row["mode"], row["outcome"]) == pair for row in rows) for pair in told
    }
    assert ("mpm", "paid") in told
    assert ("cpm", "paid") in told
    assert after_sales.value("terminal_orders_opened_total") == len(rows)


def test_what_stands_is_told(after_sales: Scrape) -> None:
    assert after_sales.value("terminal_backlog_orders") == 0
    assert after_sales.value("terminal_attention_orders") == 0
    assert after_sales.value("terminal_out_of_service") == 0
    assert after_sales.value("terminal_clock_trusted") == 1
    assert after_sales.value("terminal_online") == 1
    assert after_sales.value("terminal_device_up", device="display") == 1
    assert after_sales.value("terminal_build_info", gateway="paycloud") == 1


def test_what_took_time_is_measured(after_sales: Scrape) -> None:
    for operation in ("create_order", "query_order", "submit_payment"):
        assert after_sales.value("terminal_gateway_answer_seconds_count", operation=operation)
    rows = after_sales.value("terminal_journal_append_seconds_count")
    assert rows is not None
    assert rows >= 6
    assert after_sales.value("terminal_eye_frame_seconds_count")


@pytest.mark.parametrize("asset", ASSETS, ids=lambda path: path.name)
def test_dashboard_and_rules_name_what_is_exported(after_sales: Scrape, asset: Path) -> None:
    exported = {sample.name for family in after_sales.families for sample in family.samples}
    exported |= {
        f"{family.name}_total" for family in after_sales.families if family.type == "counter"
    }
    named = set(NAME.findall("\n".join(expressions(asset))))
    assert len(named) > 5
    assert named - exported - OF_PROMETHEUS == set()


def expressions(asset: Path) -> list[str]:
    text = asset.read_text("utf-8")
    if asset.suffix == ".yml":
        return re.findall(r"^ +expr: (.*)$", text, re.MULTILINE)
    board = json.loads(text)
    return [target["expr"] for panel in board["panels"] for target in panel["targets"]]


def test_every_number_of_ours_is_on_the_dashboard(after_sales: Scrape) -> None:
    shown = " ".join(expressions(ASSETS[1]))
    names = {family.name for family in after_sales.families}
    ours = {it for it in names if it.startswith("terminal_") and not it.endswith("_created")}
    assert {name for name in ours if name not in shown} == set()


def test_no_secret_and_nothing_about_a_sale(walk: Walk, after_sales: Scrape) -> None:
    """Keys, codes, numbers, amounts: what the journal and the account know, no metric says."""
    rows = walk.stall.ask("journal", op="list", limit=50)["rows"]
    secrets = {str(row[key]) for row in rows for key in ("order_no", "gateway_ref", "wallet")}
    secrets |= {walk.phone.code or "no code", "1250", "431", "12.50", "4.31"}
    account = walk.stall.gateway
    secrets |= {account["app_id"], account["merchant_no"]}
    key = Path(account["private_key_file"]).read_text("ascii")
    secrets |= set(key.split("\n")[1:-2])
    said = after_sales.text
    values = [sample.value for family in after_sales.families for sample in family.samples]
    assert not {
        secret for secret in secrets - {"None"} if not secret.isdecimal() and secret in said
    }
    assert not {1250.0, 431.0} & set(values)
    words = {word for family in after_sales.families for it in family.samples for word in it.labels}
    assert words <= {
        "mode", "outcome", "operation", "device", "le", "version", "gateway", "python",
    }  # fmt: skip


def test_a_device_that_came_back_is_counted(walk: Walk) -> None:
    place = walk.stall.state / "metrics.sock"
    up = {"device": "scanner 1"}
    before = Scrape(place).value("terminal_device_restarts_total", **up)
    assert before is not None
    assert walk.stall._scanner
    walk.stall._scanner.close()
    walk.until(lambda: Scrape(place).value("terminal_device_up", **up) == 0, "the scanner is lost")
    walk.stall._scanner = HandScanner(walk.stall.state / "scanner.tty")
    walk.until(lambda: Scrape(place).value("terminal_device_up", **up) == 1, "the scanner is back")
    assert Scrape(place).value("terminal_device_restarts_total", **up) == before + 1


def test_only_that_path_and_only_reading(walk: Walk) -> None:
    place = walk.stall.state / "metrics.sock"
    assert place.stat().st_mode & 0o777 == 0o660
    assert Scrape(place, "/").status == 404
    assert Scrape(place, method="POST").status == 405


def test_a_backlog_is_told_with_its_age(walk: Walk) -> None:
    place = walk.stall.state / "metrics.sock"
    walk.keys("700 ok")
    walk.sees_code()
    walk.stall.cut_line()
    walk.until(lambda: Scrape(place).value("terminal_online") == 0, "the line is down")
    assert Scrape(place).value("terminal_backlog_orders") == 1
    walk.until(
        lambda: (Scrape(place).value("terminal_backlog_oldest_seconds") or 0) >= 1, "its age"
    )
    assert Scrape(place).value("terminal_gateway_unanswered_total")
    walk.stall.restore_line()

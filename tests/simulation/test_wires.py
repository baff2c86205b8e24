"""The same stories over real bytes: the production codecs bear them, and what a codec gets wrong is noticed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from terminal.bench.simulator.command import main
from terminal.bench.simulator.story import play, told
from terminal.core.events import PaymentApproved, PaymentPending
from terminal.core.terms import Money
from terminal.gateways import antom, paycloud

SEEDS = range(1, 41)


@pytest.mark.parametrize("wire", ["paycloud", "antom"])
def test_no_rule_breaks_over_real_bytes(wire: str) -> None:
    endings = [play(seed, wire=wire) for seed in SEEDS]
    broken = [ending for ending in endings if ending.broken]
    assert not broken, told(broken[0], "here")
    assert sum(ending.tally.paid for ending in endings) > len(SEEDS)  # they understand each other


@pytest.mark.parametrize("wire", ["paycloud", "antom"])
def test_the_story_does_not_depend_on_the_keys(wire: str) -> None:
    from terminal.bench.simulator.wires import keys

    first = play(7, wire=wire).digest
    keys.cache_clear()
    assert play(7, wire=wire).digest == first


def tenfold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(paycloud.bodies, "_major", lambda amount, settings: f"{amount.major}0")  # noqa: ARG005
    patch.setattr(antom.bodies, "_amount", lambda it: {"value": f"{it.minor}0", "currency": "EUR"})


def another_number(patch: pytest.MonkeyPatch) -> None:
    for room, word in ((paycloud, "fields_of"), (antom, "body_of")):
        say = getattr(room, word)

        def about(request: Any, *words: Any, say: Any = say) -> Any:
            return say(replace(request, order_no=f"{request.order_no[:-1]}X"), *words)

        patch.setattr(room, word, about)


def waiting_is_paid(patch: pytest.MonkeyPatch) -> None:
    for room in (paycloud, antom):
        read = room.meaning

        def paid(request: Any, *words: Any, read: Any = read) -> Any:
            event = read(request, *words)
            if isinstance(event, PaymentPending):
                return PaymentApproved(at_ms=event.at_ms, paid=request.amount)
            return event

        patch.setattr(room, "meaning", paid)


def asked_is_paid(patch: pytest.MonkeyPatch) -> None:
    """Whatever came in, it is taken for what was asked."""
    patch.setattr(paycloud.answers, "_amount", lambda data, asked, currency: asked)  # noqa: ARG005
    patch.setattr(
        antom.answers, "money", lambda tree, name: Money(300, "EUR") if name in tree else None
    )


@pytest.mark.parametrize("wire", ["paycloud", "antom"])
@pytest.mark.parametrize("bug", [tenfold, another_number, waiting_is_paid, asked_is_paid])
def test_what_a_codec_gets_wrong_is_found(
    bug: Any, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    assert any(play(seed, wire=wire).rule == "codec" for seed in SEEDS)


def test_the_last_line_says_whose_bytes_they_were(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--sales", "20", "--codec", "antom"]) == 0
    assert '"codec": "antom"' in capsys.readouterr().out

"""terminal.toml: the good is taken, the rest refused with its line and the next step (F64-F73)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from terminal.config import BadSettings, Section, checked, load, odd
from terminal.core.terms import Money, Refusal
from terminal.core.timing import Timing

GOOD = """\
[terminal]
id = "RP1001"
profile = "hardware/bench.toml"
state_dir = "/var/lib/terminal"

[shop]
title = "Corner shop"
currency = "EUR"
max_amount = "500.00"
offer = "both"
result_s = 8
scan_s = 90
wallets_file = ""

[gateway]
driver = "paycloud"
url = "https://pay.example.com/gateway"
sandbox = false
ca_file = ""
private_key_file = "keys/terminal.pem"
gateway_key_file = "keys/gateway.pem"
connect_timeout_s = 3.0

[gateway.timing]
first_query_s = 5
verify_s = 130.5

[gateway.wallets]
"alipay-cn" = "Alipay+"

[gateway.paycloud]
app_id = "wz1"
merchant_no = "312100000164"

[clock]
trust = "timesync"

[control]
socket = "/run/terminal/control.sock"
"""

Written = Callable[[str], Path]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """Writes a terminal.toml into a folder that holds all the files it names."""
    for name in ("hardware/bench.toml", "keys/terminal.pem", "keys/gateway.pem"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("x")
        file.chmod(0o600)

    def write(text: str) -> Path:
        file = tmp_path / "terminal.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def complaints(path: Path) -> list[str]:
    """What is said about the file, with its name cut down to the line."""
    with pytest.raises(BadSettings) as refused:
        load(path)
    return [str(each).replace(f"{path}", "", 1) for each in refused.value.complaints]


def with_line(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


# -- what is good ------------------------------------------------------------------------------------------


def test_good_settings(written: Written, tmp_path: Path) -> None:
    settings = load(written(GOOD))
    assert settings.terminal.id == "RP1001"
    assert settings.terminal.profile == tmp_path / "hardware/bench.toml"
    assert settings.terminal.state_dir == Path("/var/lib/terminal")
    assert settings.shop.limit == Money(50_000, "EUR")
    assert (settings.shop.result_ms, settings.shop.scan_ms) == (8_000, 90_000)
    assert settings.shop.wallets_file is None
    assert settings.gateway.connect_timeout_ms == 3_000
    assert settings.gateway.private_key_file == tmp_path / "keys/terminal.pem"
    assert settings.gateway.ca_file is None
    assert settings.gateway.wallets == {"alipay-cn": "Alipay+"}
    assert settings.gateway.own.data == {"app_id": "wz1", "merchant_no": "312100000164"}
    assert settings.control.socket == Path("/run/terminal/control.sock")


def test_times_go_over_the_codec_s_own(written: Written) -> None:
    base = Timing(first_query_ms=1, query_step_ms=2)
    timing = load(written(GOOD)).gateway.timing_over(base)
    assert (timing.first_query_ms, timing.query_step_ms) == (5_000, 2)
    assert timing.verify_ms == 130_500


def test_every_time_of_a_gateway_can_be_set(written: Written) -> None:
    names = [name[:-3] for name in Timing.__dataclass_fields__ if name.endswith("_ms")]
    assert {"first_query", "query_step", "doubt", "earliest_undo", "life", "verify"} <= {*names}
    lines = "\n".join(f"{name}_s = 0.25" for name in names)
    text = with_line("first_query_s = 5\nverify_s = 130.5", lines)
    assert load(written(text)).gateway.timing == {f"{name}_ms": 250 for name in names}


def test_what_may_be_left_out(written: Written) -> None:
    text = GOOD[: GOOD.index("[gateway.timing]")]
    for line in (
        'state_dir = "/var/lib/terminal"',
        'title = "Corner shop"',
        'offer = "both"',
        "result_s = 8",
        "scan_s = 90",
        'wallets_file = ""',
        "sandbox = false",
        'ca_file = ""',
        "connect_timeout_s = 3.0",
    ):
        assert line in text
        text = text.replace(line, "")
    left_out, written_out = load(written(text)), load(written(GOOD))
    assert left_out.terminal == written_out.terminal
    assert left_out.clock == written_out.clock
    assert left_out.control == written_out.control
    assert left_out.shop.result_ms == written_out.shop.result_ms
    assert left_out.gateway.own.data == {}


def test_byte_order_mark_and_windows_lines_do_no_harm(written: Written) -> None:  # F72
    path = written(GOOD)
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert load(path).shop.title == "Corner shop"


def test_the_same_mistake_has_the_same_line_in_a_windows_file(written: Written) -> None:
    path = written(GOOD)
    text = with_line('id = "RP1001"', "id = 7").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert complaints(path)[0].startswith(":2: ")


# -- what is not a settings file at all (F64, F67, F72) ----------------------------------------------------


def test_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "terminal.toml"
    assert complaints(path) == [f": is missing: there is no {path}."]


@pytest.mark.parametrize("raw", [b"", b"\n\n  \n"])
def test_empty_file(written: Written, raw: bytes) -> None:
    path = written("")
    path.write_bytes(raw)
    [text] = complaints(path)
    assert "is empty" in text
    assert "power cut" in text


def test_a_folder_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    assert "is no file" in complaints(tmp_path)[0]
    os.mkfifo(tmp_path / "pipe")
    assert "is no file" in complaints(tmp_path / "pipe")[0]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (GOOD.encode("utf-16"), ": is UTF-16. Save it as UTF-8."),
        (b'a = "1"\nb = "\xff"\n', ":2: is not UTF-8. Save it as UTF-8."),
        (b"a = 1\nb = \n", ":2: is no valid TOML: Invalid value (at line 2, column 5)."),
        (
            b"a = 1\na = 2\n",
            ":2: is no valid TOML: Cannot overwrite a value (at line 2, column 6).",
        ),
        (b'a = "\0"\n', ":1: is no valid TOML: Illegal character '\\x00' (at line 1, column 6)."),
        (b"\0" * 4096, ":1: is longer than 1000 characters."),
    ],
)
def test_not_toml(written: Written, raw: bytes, said: str) -> None:
    path = written("")
    path.write_bytes(raw)
    assert complaints(path) == [said]


@pytest.mark.parametrize(
    "bomb",
    [
        "a = " + "[" * 60_000,
        "a = [" + "\n[" * 30_000,
        "a = " + "{a=" * 20_000,
        ".".join(["a"] * 32_000) + " = 1",  # 16 s in tomllib if it got that far
        "a = " + "1" * 60_000,
        "#" * 60_000,
        "\n".join(f"a{number} = 1" for number in range(10_000)),
    ],
    ids=["lists", "lines of lists", "tables", "dots", "digits", "comment", "keys"],
)
def test_bombs_are_put_out(written: Written, bomb: str) -> None:  # F67
    begun = time.process_time()
    assert len(complaints(written(bomb))) == 1
    assert time.process_time() - begun < 5  # not a measurement: the bomb takes 16 s


def test_a_very_large_file(written: Written) -> None:
    [text] = complaints(written(GOOD + "# much to say\n" * 5_000))
    assert text == ": is larger than 64 KiB: these are no settings."


# -- keys and types (F65, F66) -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "place", "hint"),
    [
        ('currency = "EUR"', "curency = 1", "[shop] ", 'Did you mean "currency"?'),
        ("[clock]", "[clok]", "", 'Did you mean "clock"?'),
        ("[gateway.timing]", "[gateway.timings]", "[gateway] ", 'Did you mean "timing"?'),
        ("verify_s = 130.5", "verify_ms = 5", "[gateway.timing] ", 'Did you mean "verify_s"?'),
        (
            "[control]",
            "[x]",
            "",
            "Possible: terminal, shop, gateway, clock, control, notices, metrics.",
        ),
        (
            'id = "RP1001"',
            '"\\u001b\u202e" = 1',
            "[terminal] ",
            "Possible: id, profile, state_dir.",
        ),
    ],
)
def test_keys_that_nobody_reads(  # F65
    written: Written, old: str, new: str, place: str, hint: str
) -> None:
    text = with_line(old, new)
    line = text[: text.index(new)].count("\n") + 1
    [said] = [each for each in complaints(written(text)) if "read by nobody" in each]
    assert said.startswith(f":{line}: {place}")
    assert said.endswith(hint)
    assert said.isprintable()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("result_s = 8", 'result_s = "8"', "must be a number, not text in quotes."),
        ("result_s = 8", "result_s = true", "must be a number, not true or false."),
        ("sandbox = false", "sandbox = 0", "must be true or false, not a whole number."),
        ('id = "RP1001"', "id = 100100", "must be text in quotes, not a whole number."),
        ('title = "Corner shop"', "title = 2026-01-01", "must be text in quotes, not a date."),
        ('offer = "both"', 'offer = "bth"', 'is not known. Did you mean "both"?'),
        ('offer = "both"', 'offer = "?"', "is not known. Possible: both, show, scan."),
        ('trust = "timesync"', 'trust = "ntp"', "is not known. Possible: timesync, system."),
        ('"alipay-cn" = "Alipay+"', "alipay-cn = 3", "must be text in quotes, not a whole number."),
        ('"alipay-cn" = "Alipay+"', 'alipay-cn = ""', "must have at least 1 characters."),
        ('title = "Corner shop"', f'title = "{"x" * 41}"', "must have at most 40 characters."),
        (
            'profile = "hardware/bench.toml"',
            "profile = 3",
            "must be the name of a file, in quotes.",
        ),
        ('profile = "hardware/bench.toml"', 'profile = ""', "names no file."),
        (
            'driver = "paycloud"',
            'driver = "../evil"',
            "is no name of a driver: small letters, digits and _ only.",
        ),
    ],
)
def test_values_of_a_wrong_kind(written: Written, old: str, new: str, said: str) -> None:  # F66
    text = with_line(old, new)
    line = text[: text.index(new)].count("\n") + 1
    found = [each for each in complaints(written(text)) if "read by nobody" not in each]
    assert len(found) == 1
    assert found[0].startswith(f":{line}: [")
    assert f" {new.partition(' = ')[0]} = " in found[0]
    assert found[0].endswith(said)


def test_missing_keys_are_named_at_their_section(written: Written) -> None:
    text = with_line('currency = "EUR"\nmax_amount = "500.00"\n', "")
    assert complaints(written(text)) == [':6: [shop] needs "currency" and "max_amount".']


def test_missing_section(written: Written) -> None:
    text = GOOD[: GOOD.index("[shop]")] + GOOD[GOOD.index("[gateway]") :]
    assert complaints(written(text)) == [': [shop] needs "currency" and "max_amount".']


def test_a_section_written_as_a_key(written: Written) -> None:
    text = "clock = 1\n" + GOOD[: GOOD.index("[clock]")]
    said = ":1: [clock] must be a section: write this on a line of its own, its keys below."
    assert complaints(written(text)) == [said]


def test_the_section_of_another_driver_is_read_by_nobody(written: Written) -> None:
    [text] = complaints(written(with_line('driver = "paycloud"', 'driver = "antom"')))
    assert text.startswith(':31: [gateway] "paycloud" is read by nobody.')


def test_every_complaint_in_one_go_and_in_order(written: Written) -> None:
    text = with_line('id = "RP1001"', "id = 1").replace("scan_s = 90", "scan_s = 0")
    text = text.replace('trust = "timesync"', 'trust = "x"') + "port = 1\n"
    lines = [each.split(": ")[0] for each in complaints(written(text))]
    assert lines == [":2", ":12", ":36", ":40"]


def test_lines_behind_long_texts_and_lists_are_right(written: Written) -> None:
    text = '[terminal]\nx = """\n[shop]\ny = 1\n"""\nz = [\n  1,\n  2,\n]\nw = 1\n'
    found = [each for each in complaints(written(text)) if "read by nobody" in each]
    assert [each.split(": ")[0] for each in found] == [":2", ":6", ":10"]


def test_behind_a_very_long_list_the_section_s_line_must_do(written: Written) -> None:
    text = "[terminal]\nx = 1\ny = [\n" + "1,\n" * 5_000 + "]\nz = 1\n"
    found = [each for each in complaints(written(text)) if "read by nobody" in each]
    assert [each.split(" ")[0] for each in found] == [":1:", ":1:", ":2:"]


# -- values that cannot be (F69-F73) -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terminal", "mended"),
    [("RPI001", "RP1001"), ("rp1001", "RP1001"), ("SHOPO1", "SH0P01"), ("ABCDEU", None)]
    + [(bad, None) for bad in ("", "RP100", "RP10011", "RP 001", "RP1001\\n", "RP١٠٠١")],
)  # fmt: skip
def test_terminal_id(written: Written, terminal: str, mended: str | None) -> None:
    [text] = complaints(written(with_line('"RP1001"', f'"{terminal}"')))
    assert "must be exactly 6 of the characters" in text
    assert text.endswith(f'Did you mean "{mended}"?' if mended else "I, L, O, U.")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://pay.example.com/gateway", 'is not encrypted. Write "https://pay.example.com/gateway".'),
        ("HTTP://pay.example.com", 'is not encrypted. Write "https://pay.example.com".'),
        ("http://127.0.0.1:8080", "a sandbox on this machine only. Set sandbox = true."),
        ("http://127.0.0.1.example.com", 'is not encrypted. Write "https://127.0.0.1.example.com".'),
        ("ftp://pay.example.com", "must begin with https://."),
        ("pay.example.com", "must begin with https://."),
        ("", "must begin with https://."),
        ("https://", "names no host."),
        ("https:///gateway", "names no host."),
        ("https://user@pay.example.com", "must not hold a user or a password."),
        ("https://user:pw@pay.example.com", "must not hold a user or a password."),
        ("https://pay.example.com/?a=1", "must end with the path: no ? and no #."),
        ("https://pay.example.com/ x", "holds characters that no address has."),
        ("ht\\ntps://pay.example.com", "holds characters that no address has."),
        ("https://pay.example.com:99999", "is no address: Port out of range 0-65535."),
        ("https://[::1", "is no address: Invalid IPv6 URL."),
        ("https://pаy.example.com", "holds characters that no address has."),  # a Cyrillic a
    ],
)  # fmt: skip
def test_addresses(written: Written, url: str, said: str) -> None:  # F69
    [text] = complaints(written(with_line("https://pay.example.com/gateway", url)))
    assert text.startswith(":17: [gateway] url = ")
    assert text.endswith(said)


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "127.1.2.3", "[::1]:80", "localhost:8080"])
def test_http_to_the_sandbox_on_this_machine(written: Written, host: str) -> None:
    text = with_line("https://pay.example.com", f"http://{host}")
    assert len(complaints(written(text))) == 1
    assert load(written(text.replace("sandbox = false", "sandbox = true"))).gateway.sandbox


def test_http_elsewhere_is_refused_in_the_sandbox_too(written: Written) -> None:
    text = with_line("https://pay", "http://pay").replace("sandbox = false", "sandbox = true")
    assert "is not encrypted" in complaints(written(text))[0]


@pytest.mark.parametrize(
    "value", ["0", "-1", "1e9", "nan", "inf", "-inf", "1_000_000_000", "9" * 40]
)
@pytest.mark.parametrize(
    "line", ["result_s = 8", "scan_s = 90", "connect_timeout_s = 3.0", "verify_s = 130.5"]
)
def test_times_that_cannot_be(written: Written, line: str, value: str) -> None:  # F70
    key = line.split(" = ")[0]
    [text] = complaints(written(with_line(line, f"{key} = {value}")))
    assert f" {key} = " in text
    assert " must be at " in text


@pytest.mark.parametrize(
    ("currency", "amount", "said"),
    [
        ("EUR", '"500.005"', "cannot be used. EUR has 2 decimals; '500.005' has more."),
        ("EUR", '"500.0"', 'has 1 decimals, EUR has 2. Write "500.00".'),
        ("JPY", '"500.00"', 'has 2 decimals, JPY has 0. Write "500".'),
        ("KWD", '"500.00"', 'has 2 decimals, KWD has 3. Write "500.000".'),
        ("EUR", '"500,00"', "cannot be used. '500,00' is not an amount. Write it like 12.50."),
        ("EUR", '"-5"', "cannot be used. '-5' is not an amount. Write it like 12.50."),
        ("EUR", '"٥"', "cannot be used. '٥' is not an amount. Write it like 12.50."),
        ("EUR", '"0.00"', "allows no sale at all. Write the largest amount of one sale."),
        ("EUR", "500.0", "must be text in quotes, not a number."),
        ("EUR", "500", "must be text in quotes, not a whole number."),
    ],
)
def test_largest_amount(written: Written, currency: str, amount: str, said: str) -> None:  # F73
    text = with_line('"EUR"', f'"{currency}"').replace('"500.00"', amount)
    shown = amount.replace("\\", "")
    assert complaints(written(text)) == [f":9: [shop] max_amount = {shown} {said}"]


@pytest.mark.parametrize(("currency", "minor"), [("JPY", 500), ("EUR", 50_000), ("KWD", 500_000)])
def test_largest_amount_in_whole_units(written: Written, currency: str, minor: int) -> None:
    text = with_line('"EUR"', f'"{currency}"').replace('"500.00"', '"500"')
    assert load(written(text)).shop.limit == Money(minor, currency)


@pytest.mark.parametrize(("currency", "hint"), [("eur", "EUR"), ("EURO", "EUR"), ("US", "USD")])
def test_unknown_currency(written: Written, currency: str, hint: str) -> None:
    [text] = complaints(written(with_line('"EUR"', f'"{currency}"')))
    assert text.startswith(f':8: [shop] currency = "{currency}" is no ISO 4217 currency.')
    assert text.endswith(f'Did you mean "{hint}"?')


def test_title_without_control_characters(written: Written) -> None:
    [text] = complaints(written(with_line("Corner shop", "Corner \\u001b[31mshop")))
    assert "holds characters that cannot be printed." in text
    assert "\x1b" not in text


def test_socket_name_too_long(written: Written) -> None:
    [text] = complaints(written(with_line("/run/terminal/", f"/run/{'x' * 100}/")))
    assert text.endswith("a socket's name has at most 107.")


# -- the files that the settings name (F64, F68) -----------------------------------------------------------


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o620, 0o601])
def test_secret_key_open_to_others(written: Written, tmp_path: Path, mode: int) -> None:  # F68
    path = written(GOOD)
    key = tmp_path / "keys/terminal.pem"
    key.chmod(mode)
    [text] = complaints(path)
    assert text.startswith(':20: [gateway] private_key_file = "keys/terminal.pem" is open to other')
    assert text.endswith(f"(mode {mode:04o}). Run: chmod 600 {key}")


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_secret_key_of_one_user(written: Written, tmp_path: Path, mode: int) -> None:
    path = written(GOOD)
    (tmp_path / "keys/terminal.pem").chmod(mode)
    load(path)


def test_a_credential_s_group_bits_are_a_mask(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(GOOD)
    key = tmp_path / "keys/terminal.pem"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(key.parent))
    key.chmod(0o440)
    load(path)
    key.chmod(0o444)
    assert "is open to other users" in complaints(path)[0]


def test_somebody_else_knows_a_credential_by_its_folder(
    written: Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The doctor has no CREDENTIALS_DIRECTORY; from systemd 257 on (trixie) the mode is 0440 with a list."""
    path = written(GOOD)
    (tmp_path / "keys/terminal.pem").chmod(0o440)
    assert "is open to other users" in complaints(path)[0]
    monkeypatch.setattr(odd, "CREDENTIALS", tmp_path)
    load(path)


@pytest.mark.parametrize(
    ("name", "line"),
    [("keys/terminal.pem", 20), ("keys/gateway.pem", 21), ("hardware/bench.toml", 3)],
)
def test_files_missing_or_emptied(written: Written, tmp_path: Path, name: str, line: int) -> None:
    path, file = written(GOOD), tmp_path / name
    file.write_bytes(b"")
    file.chmod(0o600)
    [text] = complaints(path)
    assert text.startswith(f":{line}: ")
    assert "is empty" in text
    file.unlink()
    [text] = complaints(path)
    assert text.endswith(f"is missing: there is no {file}.")


def test_a_key_pasted_into_the_settings_is_not_repeated(written: Written) -> None:
    secret = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v4VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"
    for pasted in (f"-----BEGIN PRIVATE KEY-----\\n{secret}\\n", secret):
        [text] = complaints(written(with_line("keys/terminal.pem", pasted)))
        assert "A key goes into a file of its own" in text
        assert secret[-24:] not in text


# -- sections that others own ------------------------------------------------------------------------------


def even(value: int, values: object) -> str | None:
    return "is odd." if value % 2 else None


@dataclass(frozen=True)
class Gadget:
    port: str
    baud: Annotated[int, msgspec.Meta(ge=300, le=921_600), even] = 9_600
    pins: tuple[int, ...] = ()
    table: Path | None = None

    def __post_init__(self) -> None:
        if len(set(self.pins)) != len(self.pins):
            raise Refusal("uses a pin twice.")


@pytest.fixture
def own(written: Written) -> Callable[[str], Section]:
    def section(keys: str) -> Section:
        begin, end = GOOD.index("app_id"), GOOD.index("\n[clock]")
        return load(written(GOOD[:begin] + keys + "\n" + GOOD[end:])).gateway.own

    return section


def test_checked(own: Callable[[str], Section], tmp_path: Path) -> None:
    section = own('port = "/dev/ttyACM0"\npins = [1, 2]\ntable = "x.toml"')
    assert checked(section, Gadget) == Gadget("/dev/ttyACM0", 9_600, (1, 2), tmp_path / "x.toml")


def test_checked_complains_as_well_as_load(own: Callable[[str], Section]) -> None:
    with pytest.raises(BadSettings) as refused:
        checked(own('baudrate = 9600\nbaud = 9601\npins = [1,\n "2"]'), Gadget)
    said = [(each.line, each.text) for each in refused.value.complaints]
    assert said == [
        (31, '[gateway.paycloud] needs "port".'),
        (32, '[gateway.paycloud] "baudrate" is read by nobody. Did you mean "baud"?'),
        (33, "[gateway.paycloud] baud = 9601 is odd."),
        (34, "[gateway.paycloud] pins = [...] must be a whole number, not text in quotes."),
    ]


def test_a_dataclass_may_refuse_by_itself(own: Callable[[str], Section]) -> None:
    with pytest.raises(BadSettings, match=r":31: \[gateway.paycloud\] uses a pin twice\."):
        checked(own('port = ""\npins = [1, 1]'), Gadget)


def test_a_word_that_only_wiring_can_judge(written: Written) -> None:
    settings = load(written(GOOD))
    error = settings.root.sub("gateway").bad("driver", "has no file.", ["antom", "paycloud2"])
    assert str(error).endswith(
        ':16: [gateway] driver = "paycloud" has no file. Did you mean "paycloud2"?'
    )
    error = settings.gateway.own.bad("app_id", "is too short.")
    assert str(error).endswith(':32: [gateway.paycloud] app_id = "wz1" is too short.')
    error = settings.root.bad("display", "is missing: a counter needs one.")
    assert str(error).endswith("terminal.toml: display is missing: a counter needs one.")

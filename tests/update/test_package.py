"""What is no package for this unit is refused before it is opened, and says what to do."""

from __future__ import annotations

import base64
import hashlib
import socket
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from terminal.update import package
from terminal.update.package import Package, bring, verify
from terminal.update.refused import NotUpdated
from tests.wire.host import Authority, Host

CONTENT = bytes(range(256)) * 50


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def trusted(tmp_path: Path, key: Ed25519PrivateKey) -> Path:
    return trust(tmp_path / "keys", key)


def trust(folder: Path, key: Ed25519PrivateKey) -> Path:
    folder.mkdir(exist_ok=True)
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (folder / "update.pem").write_bytes(pem)
    return folder


def signed(folder: Path, key: Ed25519PrivateKey, content: bytes = CONTENT) -> Path:
    file = folder / "update.deb"
    file.write_bytes(content)
    (folder / "update.deb.sig").write_bytes(base64.b64encode(key.sign(content)))
    return file


def test_a_signed_file_passes(tmp_path: Path, key: Ed25519PrivateKey, trusted: Path) -> None:
    verify(signed(tmp_path, key), "", trusted)


@pytest.mark.parametrize("at", [0, 1, len(CONTENT) // 2, len(CONTENT) - 1])
def test_one_bit_of_the_file_counts(
    tmp_path: Path, key: Ed25519PrivateKey, trusted: Path, at: int
) -> None:
    file = signed(tmp_path, key)
    file.write_bytes(CONTENT[:at] + bytes([CONTENT[at] ^ 1]) + CONTENT[at + 1 :])
    with pytest.raises(NotUpdated, match="Nobody whom this unit trusts"):
        verify(file, "", trusted)


@pytest.mark.parametrize("content", [CONTENT[:-1], CONTENT + b"\n", b""])
def test_a_file_that_is_longer_or_shorter_is_another(
    tmp_path: Path, key: Ed25519PrivateKey, trusted: Path, content: bytes
) -> None:
    file = signed(tmp_path, key)
    file.write_bytes(content)
    with pytest.raises(NotUpdated, match="Nobody whom this unit trusts"):
        verify(file, "", trusted)


@pytest.mark.parametrize("signature", [b"", b"AAAA", b"\xff" * 88, b"A" * 88, b"not base64!"])
def test_a_signature_that_is_none(
    tmp_path: Path, key: Ed25519PrivateKey, trusted: Path, signature: bytes
) -> None:
    file = signed(tmp_path, key)
    file.with_suffix(".deb.sig").write_bytes(signature)
    with pytest.raises(NotUpdated, match="Nobody whom this unit trusts"):
        verify(file, "", trusted)


def test_a_stranger_s_signature_and_none_at_all(
    tmp_path: Path, key: Ed25519PrivateKey, trusted: Path
) -> None:
    file = signed(tmp_path, Ed25519PrivateKey.generate())
    with pytest.raises(NotUpdated, match="Nobody whom this unit trusts"):
        verify(file, "", trusted)
    file.with_suffix(".deb.sig").unlink()
    with pytest.raises(NotUpdated, match="no signature"):
        verify(file, "", trusted)
    with pytest.raises(NotUpdated, match="trusts no key"):
        verify(signed(tmp_path, key), "", tmp_path / "nothing")


def test_its_sha256_typed_by_hand_is_as_good(tmp_path: Path) -> None:
    file = tmp_path / "update.deb"
    file.write_bytes(CONTENT)
    right = hashlib.sha256(CONTENT).hexdigest()
    verify(file, right.upper(), tmp_path / "nothing")
    with pytest.raises(NotUpdated, match="another SHA-256"):
        verify(file, right[:-1] + ("0" if right[-1] != "0" else "1"), tmp_path / "nothing")


# -- fetched -------------------------------------------------------------------------------------------------


def served(files: dict[str, bytes], authority: Authority) -> Host:
    def serve(conn: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += conn.recv(65_536)
        found = files.get(head.split()[1].decode())
        status = b"404 Not Found" if found is None else b"200 OK"
        body = found or b""
        length = b"Content-Length: %d" % len(body)
        conn.sendall(b"HTTP/1.1 %s\r\n%s\r\nConnection: close\r\n\r\n%s" % (status, length, body))

    return Host(serve, authority.context())


def test_a_download_is_whole_and_brings_its_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    host = served({"/a.deb": CONTENT, "/a.deb.sig": b"signature"}, authority)
    (tmp_path / "update.deb").write_bytes(b"what a cut left" * 9999)
    file = bring(f"{host.url}/a.deb", tmp_path, print)
    assert file.read_bytes() == CONTENT
    assert file.with_suffix(".deb.sig").read_bytes() == b"signature"
    host.close()


def test_a_download_that_is_not_there_or_not_to_be_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    host = served({"/a.deb": CONTENT}, authority)
    with pytest.raises(NotUpdated, match="certificate"):
        bring(f"{host.url}/a.deb", tmp_path, print)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    with pytest.raises(NotUpdated, match="404"):
        bring(f"{host.url}/b.deb", tmp_path, print)
    (tmp_path / "update.deb.sig").write_bytes(b"of another file")
    assert not bring(f"{host.url}/a.deb", tmp_path, print).with_suffix(".deb.sig").exists()
    with pytest.raises(NotUpdated, match="not https"):
        bring(host.url.replace("https", "http") + "/a.deb", tmp_path, print)
    host.close()


def test_a_file_without_end_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "FILE_BYTES_MAX", len(CONTENT) - 1)
    given = tmp_path / "given.deb"
    given.write_bytes(CONTENT)
    with pytest.raises(NotUpdated, match="no package"):
        bring(str(given), tmp_path, print)
    with pytest.raises(NotUpdated, match="no file"):
        bring(str(tmp_path / "nothing.deb"), tmp_path, print)


# -- made for this machine -----------------------------------------------------------------------------------


def built(folder: Path, **facts: str) -> Path:
    """A Debian package with nothing in it but its facts."""
    known = {
        "Package": "counter-terminal", "Version": "2.0~bookworm", "Architecture": "arm64",
        "Installed-Size": "1", "Maintainer": "Nobody <root@localhost>", "Description": "none",
    }  # fmt: skip
    rows = known | {name.replace("_", "-"): value for name, value in facts.items()}
    (folder / "tree/DEBIAN").mkdir(parents=True)
    text = "".join(f"{name}: {value}\n" for name, value in rows.items())
    (folder / "tree/DEBIAN/control").write_text(text)
    subprocess.run(
        ["dpkg-deb", "--build", folder / "tree", folder / "x.deb"], check=True, capture_output=True
    )
    return folder / "x.deb"


def test_the_wrong_machine_and_an_older_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True).stdout
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "here"})
    ours = Package.read(built(tmp_path, Version="1.2~here", Architecture=arch.strip()))
    assert (ours.release, ours.suite) == ("1.2", "here")
    with pytest.raises(NotUpdated, match=r"older than 1\.10"):
        ours.fit("1.10", tmp_path, downgrade=False)
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "there"})
    with pytest.raises(NotUpdated, match="build-deb --suite there"):
        ours.fit("1.0", tmp_path, downgrade=False)


def test_a_card_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True).stdout
    monkeypatch.setattr("platform.freedesktop_os_release", lambda: {"VERSION_CODENAME": "here"})
    file = built(
        tmp_path, Version="1.2~here", Architecture=arch.strip(), Installed_Size=str(1 << 50)
    )
    with pytest.raises(NotUpdated, match="are free"):
        Package.read(file).fit("1.0", tmp_path, downgrade=False)


@pytest.mark.parametrize("facts", [{"Package": "other"}, {"Version": "1.0"}])
def test_a_package_that_is_none_of_ours(tmp_path: Path, facts: dict[str, str]) -> None:
    with pytest.raises(NotUpdated, match="no package of a terminal"):
        Package.read(built(tmp_path, **facts))
    noise = tmp_path / "noise.deb"
    noise.write_bytes(CONTENT)
    with pytest.raises(NotUpdated, match="no package"):
        Package.read(noise)

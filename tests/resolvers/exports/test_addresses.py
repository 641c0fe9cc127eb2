"""An address of an export opens exactly what it was made for, for whom it was, until it expires."""

from urllib.parse import parse_qsl, urlsplit
from uuid import UUID, uuid4

import pytest

from resolvers import addresses
from resolvers.addresses import AddressSigner, ExpiredAddress, InvalidAddress
from resolvers.exports.addresses import ExportSigner, SignedProject, SignedRun
from resolvers.exports.formats import ExportFormat
from tests.resolvers.test_addresses import Clock

LIFETIME = 600
SIGNER = ExportSigner(b"a secret of this hub", LIFETIME)
RUN, PROJECT, VIEWER = (UUID(int=number) for number in (1, 2, 3))
ADDRESSES = {
    "of a run": SIGNER.run_path(RUN, ExportFormat.CSV),
    "of a project": SIGNER.project_path(PROJECT, VIEWER, [ExportFormat.COCO, ExportFormat.CSV]),
}


def taken_apart(address: str) -> tuple[str, str, dict[str, str]]:
    parts = urlsplit(address)
    _, exports, what, key = parts.path.split("/")
    assert exports == "exports"
    return what, key, dict(parse_qsl(parts.query, strict_parsing=True))


@pytest.mark.parametrize("format_", ExportFormat)
def test_a_run_is_found_again(format_: ExportFormat) -> None:
    signed = SIGNER.verify(*taken_apart(SIGNER.run_path(RUN, format_)))
    assert isinstance(signed, SignedRun)
    assert (signed.segmentation_id, signed.format) == (RUN, format_)
    assert LIFETIME <= signed.seconds_left <= 2 * LIFETIME


def test_a_project_is_found_again_and_for_whom() -> None:
    formats = [ExportFormat.GEOJSON, ExportFormat.MASKS]
    signed = SIGNER.verify(*taken_apart(SIGNER.project_path(PROJECT, VIEWER, formats)))
    assert signed == SignedProject(project_id=PROJECT, viewer_id=VIEWER, formats=formats)


@pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES)
def test_nothing_of_an_address_can_be_changed_or_left_out(address: str) -> None:
    what, key, query = taken_apart(address)
    for part, value in query.items():
        for other in ("", "1", value + "0", value[:-1], "MASKS", uuid4().hex, "é"):
            with pytest.raises(InvalidAddress):
                SIGNER.verify(what, key, {**query, part: other})
        with pytest.raises(InvalidAddress):
            SIGNER.verify(what, key, {name: query[name] for name in query if name != part})
    for other in (uuid4().hex, "", key.upper() + "?"):
        with pytest.raises(InvalidAddress):
            SIGNER.verify(what, other, query)
    for other in ("runs", "projects", "elsewhere", ""):
        if other != what:
            with pytest.raises(InvalidAddress):
                SIGNER.verify(other, key, query)


def test_addresses_of_files_open_no_exports() -> None:
    what, key, query = taken_apart(SIGNER.run_path(RUN, ExportFormat.CSV))
    file = AddressSigner(b"a secret of this hub", LIFETIME).path("a", "b", "text/csv")
    signature = dict(parse_qsl(urlsplit(file).query))["signature"]
    with pytest.raises(InvalidAddress):
        SIGNER.verify(what, key, {**query, "signature": signature})
    with pytest.raises(InvalidAddress):
        ExportSigner(b"a secret of another hub", LIFETIME).verify(what, key, query)


def test_addresses_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(addresses, "time", clock)
    parts = taken_apart(SIGNER.run_path(RUN, ExportFormat.CSV))
    clock.now += LIFETIME
    SIGNER.verify(*parts)
    clock.now += LIFETIME
    with pytest.raises(ExpiredAddress):
        SIGNER.verify(*parts)
    with pytest.raises(InvalidAddress):
        SIGNER.verify(*parts[:2], {**parts[2], "format": "MASKS"})

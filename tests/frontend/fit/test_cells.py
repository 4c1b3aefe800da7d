"""Files as instruments, spreadsheets and people write them: all hold the same three films."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torkivity.config.errors import ConfigError
from torkivity.fit.cells import Numbers, read_cells
from torkivity.fit.data import TorqueData, read_torque_data
from torkivity.fit.settings import FitSettings

openpyxl = pytest.importorskip("openpyxl")
pytest.importorskip("pint")

PLAIN = """thickness [nm],resistivity [uOhm cm],damping_like [%],damping_like_error [%]
1.5,45.25,-4.375,0.2
2,40,,
5,31.5,3.0e0,.25
"""
COLUMNS = {"t": "thickness", "rho": "resistivity", "xi": "damping_like", "d": "damping_like_error"}


def films(text: str) -> str:
    """The same with columns for tabs and a decimal comma."""
    return text.replace(",", "\t").replace(".", ",")


def check(data: TorqueData, lines: tuple[int, ...]) -> None:
    (series,) = data.series
    assert (series.component, series.quantity) == ("damping_like", "efficiency")
    np.testing.assert_allclose(data.thickness, [1.5, 2.0, 5.0], rtol=1e-14)
    np.testing.assert_allclose(data.resistivity, [4.525e-7, 4e-7, 3.15e-7], rtol=1e-14)
    np.testing.assert_allclose(series.values, [-0.04375, np.nan, 0.03], rtol=1e-14)
    np.testing.assert_allclose(series.above, [0.002, np.nan, 0.0025], rtol=1e-14)
    assert data.lines == lines


ROWS = PLAIN.split("\n", 1)[1]
SHORT = "thickness,resistivity,damping_like,damping_like_error\n"
QUIRKS = {
    "byte-order mark, Windows line ends": (
        b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode(),
        (2, 3, 4),
    ),
    "spreadsheet: empty rows and columns": (
        PLAIN.replace("\n", ",,,\n").encode() + b",,,,,,\n\n  ,,,,,,\n",
        (2, 3, 4),
    ),
    "spreadsheet: empty column in front": (
        "".join("," + line + "\n" for line in PLAIN.splitlines()).encode(),
        (2, 3, 4),
    ),
    "semicolons and decimal commas": (
        PLAIN.replace(",", ";").replace(".", ",").encode(),
        (2, 3, 4),
    ),
    "tabs and decimal commas, UTF-16": (films(PLAIN).encode("utf-16"), (2, 3, 4)),
    "quoted decimal commas": (
        "\n".join(
            ",".join(f'"{cell.replace(".", ",")}"' for cell in line.split(","))
            for line in PLAIN.splitlines()
        ).encode(),
        (2, 3, 4),
    ),
    "aligned with spaces, comments": (
        b"# lock-in\n\n  thickness [nm]  resistivity [uOhm cm]  damping_like [-1 %]\n"
        b" 1.5   45.25   4.375\n#2\n 5     31.5   -3.00\n",
        (4, 6),
    ),
    "three-row header": (
        films(SHORT + "nm,µΩ cm,%,%\n,,Pt/Co,\n").encode() + films(ROWS).encode(),
        (4, 5, 6),
    ),
    "units below, one of them a number": (
        (SHORT + "angstrom,nOhm m,1,1\n").encode()
        + b"15,452.5,-0.04375,0.002\n20,400,,\n50,315,0.03,0.0025\n",
        (3, 4, 5),
    ),
    "cp1252 micro and angstrom, round brackets": (
        PLAIN.replace("[nm]", "(Å)")
        .replace("[uOhm cm]", "(µOhm cm)")
        .replace("\n1.5", "\n15")
        .replace("\n2", "\n20")
        .replace("\n5", "\n50")
        .encode("cp1252"),
        (2, 3, 4),
    ),
    "percent signs in the cells, minus sign": (
        b"thickness [nm],resistivity [uOhm cm],damping_like [1],damping_like_error [1]\n"
        + ROWS.replace("-4.375,0.2", "\N{MINUS SIGN}4.375%,0.2 %")
        .replace("3.0e0,.25", "3%,0.0025")
        .encode(),
        (2, 3, 4),
    ),
    "title over two lines": (
        PLAIN.replace("resistivity [uOhm cm]", '"resistivity\n[uOhm cm]"').encode(),
        (3, 4, 5),
    ),
}


@pytest.mark.parametrize(("content", "lines"), QUIRKS.values(), ids=QUIRKS)
def test_quirky_files(tmp_path: Path, content: bytes, lines: tuple[int, ...]) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(content)
    data = read_torque_data(path)
    if len(lines) < 3:  # two films and no error bars
        assert data.lines == lines
        assert data.thickness.tolist() == [1.5, 5.0]
        np.testing.assert_allclose(data.series[0].values, [-0.04375, 0.03])
        return
    check(data, lines)


def test_declared_names_take_the_units_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_text("t,rho,xi,d,note\nnm,uOhm cm,%,%,\n,,,,lot 3\n" + ROWS.replace("\n", ",ok\n"))
    check(read_torque_data(path, COLUMNS), (4, 5, 6))
    turned = read_torque_data(
        path, {**COLUMNS, "xi": "damping_like [-1 %]", "d": "damping_like_error [-1 %]"}
    )
    np.testing.assert_allclose(turned.series[0].values, [0.04375, np.nan, -0.03])
    with pytest.raises(ConfigError, match=r"line 1, column 't': unknown name 't'; known are"):
        read_torque_data(path)
    path.write_text(path.read_text().replace("uOhm cm", "furlong"))
    with pytest.raises(ConfigError, match=r"line 2, column 'rho': unit = 'furlong': is not"):
        read_torque_data(path, COLUMNS)


Sheet = Callable[..., Path]


@pytest.fixture
def sheet(tmp_path: Path) -> Sheet:
    """A workbook whose first sheet has these cells, by address."""

    def write(cells: dict[str, object], formats: dict[str, str] | None = None) -> Path:
        book = openpyxl.Workbook()
        for address, value in cells.items():
            book.active[address] = value
        for address, form in (formats or {}).items():
            book.active[address].number_format = form
        book.create_sheet("raw")["A1"] = "something else"
        path = tmp_path / "a.xlsx"
        book.save(path)
        return path

    return write


GRID = {
    **{"B3": "thickness [nm]", "C3": "resistivity [uOhm cm]"},
    **{"D3": "damping_like [%]", "E3": "damping_like_error [%]"},
    **{"B4": 1.5, "C4": 45.25, "D4": -4.375, "E4": 0.2, "B5": 2, "C5": 40},
    **{"A6": "# thick", "B7": 5, "C7": 31.5, "D7": 3.0, "E7": 0.25},
}


def test_workbook(sheet: Sheet) -> None:
    check(read_torque_data(sheet(GRID)), (4, 5, 7))
    # A cell shown as 3 % stores 0.03; one with "%" as a text behind the number stores 3.
    percent = {**GRID, "D4": -0.04375, "D7": 0.03}
    formats = {"D4": "0.00%", "D7": "0%", "E7": '0.00" %"'}
    check(read_torque_data(sheet(percent, formats)), (4, 5, 7))


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"D4": "=1/0"}, "line 4, column 'damping_like [%]': '=1/0' is not a finite number"),
        ({"D4": "#DIV/0!"}, "line 4, column 'damping_like [%]': '#DIV/0!' is not"),
        ({"B4": "#N/A"}, "line 4, column 'thickness [nm]': '#N/A' is not a finite number"),
        ({"B4": "#VALUE!"}, "line 4, column 'thickness [nm]': '#VALUE!' is not a finite number"),
        ({"D4": True}, "'True' is not a finite number"),
        ({"B4": "1,5"}, "numbers must have one decimal sign"),
        ({"G5": "thin?"}, "line 5: 'thin?' stands in column 7, without a name"),
        ({"A5": "thin?"}, "line 5: 'thin?' stands in column 1, without a name"),
        ({"D3": "damping_like [furlong]"}, "line 3, column 'damping_like [furlong]': unit"),
    ],
)
def test_wrong_workbooks(sheet: Sheet, cells: dict[str, object], expected: str) -> None:
    path = sheet({**GRID, **cells})
    with pytest.raises(ConfigError) as caught:
        read_torque_data(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)


def test_dates_that_spreadsheets_make_of_numbers(sheet: Sheet) -> None:
    import datetime

    with pytest.raises(ConfigError, match=r"line 4.*'2026-05-01 00:00:00' is not a finite number"):
        read_torque_data(sheet({**GRID, "B4": datetime.datetime(2026, 5, 1)}))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "needs a header line"),
        (b"# nothing\n\n", "needs a header line"),
        (PLAIN.split("\n", 1)[0].encode(), "needs a header line"),
        (b"thickness [nm],damping_like [%]\nPt,Pt\n", "there are no numbers below the header"),
        (b"\x89HDF\r\n\x1a\n\x00", "is neither a text file nor an Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is neither a text file nor an Excel workbook"),
        (b"PK\x03\x04 and no more", "is no Excel workbook that can be read"),
        (
            b"thickness [nm],damping_like [%]\n1,2\n#REF!,3\n",
            "line 3, column 'thickness [nm]': '#REF!'",
        ),
        (b"thickness [nm];damping_like [%]\n1,500;2\n", "line 2: '1,500' may be 1.500 or 1500"),
        (b"thickness [nm];damping_like [%]\n1.000,5;2\n", "one decimal sign, point or comma"),
        (b"thickness [nm],damping_like [%]\n1,5,2,5\n", "decimal commas need columns separated"),
        (b"thickness damping_like\n1 2\n", "line 1, column 'thickness': no unit"),
        (b"thickness damping_like\nnm mT per A\n1 2\n", "line 2: 4 cells, but the header has 2"),
        (b"thickness,damping_like\n5 nm,3 %\n", "line 1, column 'thickness': no unit"),
        (b"thickness\tdamping_like\nnm\t\n1\t2\n", "line 2, column 'damping_like': no unit"),
        (b"thickness [nm],damping_like [%]," + b"x" * 200_000 + b"\n1,2\n", "cannot be read"),
    ],
)
def test_one_line_says_why_not(tmp_path: Path, content: bytes, expected: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_torque_data(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(NUMBERS, min_size=1), st.sampled_from(".,"))
def test_every_number_is_read_as_written(values: list[float], sign: str) -> None:
    cells = [repr(value).replace(".", sign) for value in values]
    # 1,5 shows that commas are decimal: 1,000 alone may be a thousand.
    number = Numbers([(1, f"1{sign}5"), *enumerate(cells, start=2)], "a.csv")
    assert [number(cell) for cell in cells] == values


@given(st.text("0123456789.,eE+-_ xinfa%", max_size=8))
def test_nothing_but_plain_numbers_is_a_number(text: str) -> None:
    found = Numbers([], "a.csv")(text)
    if np.isfinite(found):
        assert found == float(text)
        assert not set(text) & set("_ ,%inf")
    else:
        assert not text.isdecimal()


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes_are_cells_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "bytes.csv"
    path.write_bytes(content)
    try:
        rows, _ = read_cells(path)
    except ConfigError:
        return
    assert all(any(row.cells) for row in rows)
    assert [row.line for row in rows] == sorted({row.line for row in rows})


def test_without_openpyxl(sheet: Sheet, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sheet(GRID)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ModuleNotFoundError, match="Excel workbooks need openpyxl: pip install"):
        read_torque_data(path)
    with pytest.raises(ConfigError, match=r"a\.xlsx: Excel workbooks need openpyxl: pip install"):
        FitSettings().read([path])

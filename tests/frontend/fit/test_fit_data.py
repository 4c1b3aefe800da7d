"""Data files and configurations of fits, and what is said of bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from torkivity import InputError
from torkivity.config.errors import ConfigError
from torkivity.fit.data import read_torque_data
from torkivity.fit.fit import Measurement, ParameterSetting
from torkivity.fit.settings import load_fit_settings, parse_setting

GOOD = """# comment
thickness [nm],damping_like [1e4 (hbar/2e)/(Ohm m)],damping_like_error [1e4 (hbar/2e)/(Ohm m)]
1.0,1.4,0.1
2.0,3.4,0.1

3.0,,
4.0,4.6,0.1
"""


def test_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(GOOD)
    data = read_torque_data(path)
    assert data.size == 3
    assert data.lines == (3, 4, 6, 7)
    assert data.thickness.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert data.series[0].values[1] == pytest.approx(3.4e4)
    with pytest.raises(ConfigError, match="no column 'thickness"):
        read_torque_data(str(path), {"thickness [nm]": "resistivity [Ohm m]"}, thickness=None)
    with pytest.raises(ConfigError, match=r"fit.thickness = 5: the file has its own column"):
        read_torque_data(path, thickness=5.0)
    path.write_text("theta [deg],damping_like [1]\n10,0.1\n20,0.2\n")
    assert read_torque_data(path, thickness=5.0).thickness.tolist() == [5.0, 5.0]
    path.write_text("t,xi,low,high,note\n10,-5,-6,-3,x\n")
    columns = {
        "t": "thickness [angstrom]",
        "xi": "damping_like [-1 %]",
        "low": "damping_like_low [-1 %]",
        "high": "damping_like_high [-1 %]",
    }
    series = read_torque_data(path, columns).series[0]
    assert (series.quantity, series.values[0]) == ("efficiency", pytest.approx(0.05))
    assert series.below is not None
    assert series.above is not None
    assert (series.below[0], series.above[0]) == (pytest.approx(0.02), pytest.approx(0.01))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("thickness [nm]", "thickness", "line 2, column 'thickness': no unit; write it as"),
        ("thickness [nm]", "t_hm", "line 2, column 't_hm': unknown name 't_hm'; known are"),
        ("thickness [nm]", "thicknes [nm]", "unknown name 'thicknes'; did you mean thickness?"),
        ("thickness [nm]", "thickness [deg]", "thickness needs a unit of length"),
        ("thickness [nm]", "thickness [furlong]", "unit = 'furlong': is not understood"),
        ("thickness [nm]", "theta [deg]", "no column 'thickness [nm]'"),
        ("damping_like [1e4 (hbar/2e)/(Ohm m)]", "damping_like [nm]", "needs a unit of torque"),
        ("damping_like_error [1e4", "damping_like_error [1e5", "must have the unit of"),
        ("damping_like_error [", "damping_like_low [", "belong together"),
        ("damping_like_error [", "field_like_error [", "there is no column field_like"),
        ("damping_like_error [", "damping_like [", "two columns are damping_like"),
        (
            "1.0,1.4",
            "1.0,nan",
            "line 3, column 'damping_like [1e4 (hbar/2e)/(Ohm m)]': 'nan' is not",
        ),
        ("1.0,1.4", "1.0,1;4", "'1;4' is not a finite number"),
        ("1.0,1.4", "1.0,4_5.0", "line 3, column 'damping_like [1e4 (hbar/2e)/(Ohm m)]': '4_5.0'"),
        ("1.0,1.4", "1.0,1e999", "'1e999' is not a finite number; leave the cell empty"),
        ("1.0,1.4", "1.0,٣", "'٣' is not a finite number"),
        ("1.0,1.4", ",1.4", "line 3, column 'thickness [nm]': '' is not a finite number"),
        (
            "1.0,1.4",
            '1.0,"1,4"',
            "line 3 has '1,4' and line 3 '1.0': numbers must have one decimal",
        ),
        ("1.0,1.4", '1.0,"1.4', "line 3: cannot be read (unexpected end of data)"),
        (
            "1.0,1.4,0.1",
            "1,0,1,4,0,1",
            "line 3: 6 cells, but the header has 3, separated by commas;",
        ),
        ("_error [1e4 (hbar/2e)/(Ohm m)]", "_error [1e4]", "unit = '1e4': is not understood"),
        ("_error [1e4 (hbar/2e)/(Ohm m)]", "_error [1e4 S/m]", "must have the unit of"),
        ("1.0,1.4", "-1.0,1.4", "line 3: thickness must be positive"),
        ("1.0,1.4,0.1", "1.0,1.4", "line 3: 2 cells, but the header has 3"),
        ("1.4,0.1", "1.4,0.0", "line 3: the error bar of damping_like must have a positive"),
    ],
)
def test_wrong_data(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in GOOD
    path = tmp_path / "a.csv"
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        read_torque_data(path)
    assert str(caught.value).startswith(str(path))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "fit.toml"
    path.write_text(
        '[fit]\nmodel = "microscopic"\nheavy_metal = "above"\n[fit.parameters]\nrashba = 0.1\n'
        "barrier = { value = 0.4, min = 0.0 }\n"
    )
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())  # as some editors begin a file
    settings = load_fit_settings(str(path))
    assert settings.path == path
    assert settings.films.measurement.heavy_metal_above
    assert settings.parameters["barrier"] == ParameterSetting(0.4, least=0.0)
    with pytest.raises(InputError, match="needs a film"):
        settings.build_model()
    for text, expected in (
        ("[fit]\nmodle = 1", "fit.modle: unknown key"),
        ("[fit]\nresistivity = 'x'", "fit.resistivity = 'x': must be a valid number"),
        ("[fit.parameters]\nrashba = 'x'", "fit.parameters.rashba"),
        (
            "[fit.errors]\ndamping_like = -1.0",
            "fit.errors.damping_like = -1.0: must be greater than 0",
        ),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=r"fit\.toml") as caught:
            load_fit_settings(path)
        assert expected in str(caught.value)
    path.write_text(
        "[fit]\nresistivity = 2e-7\nheavy_metal = 'above'\nthickness = 5.0\n"
        "[fit.files.'a.csv']\nheavy_metal = 'below'\n[fit.files.'a.csv'.errors]\nfield_like = 0.1\n"
    )
    settings = load_fit_settings(path)
    assert settings.films.measurement == Measurement(2e-7, heavy_metal_above=True)
    own = settings.files["a.csv"]
    assert (own.measurement, own.thickness) == (Measurement(2e-7), 5.0)
    assert own.errors == {"field_like": 0.1}
    updated = settings.updated("microscopic", 3e-7, {"rashba": 0.1})
    assert updated.files["a.csv"].measurement == Measurement(3e-7)
    assert (updated.model_name, updated.parameters) == ("microscopic", {"rashba": 0.1})
    assert parse_setting("a=1:0:2") == ("a", ParameterSetting(1.0, least=0.0, most=2.0))
    assert parse_setting("a") == ("a", ParameterSetting())
    with pytest.raises(InputError, match="NAME=START:MIN:MAX"):
        parse_setting("a=1:2")

"""The TOML file that describes a run, checked and turned into the engine's objects.

Structure and types are checked here; what a value may be is checked where it is used, by the
engine's own classes, whose errors are given back with the file and the full key in front.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args
from unicodedata import category

from pydantic import BaseModel, ValidationError

from torkivity.config.build import check_figure, check_settings
from torkivity.config.errors import ConfigError, Problems, shorten
from torkivity.config.film import FILM_TABLES, film_tables, read_film
from torkivity.config.sections import Film, MeshSection, RunConfig, Settings
from torkivity_engine.errors import InputError
from torkivity_engine.film.kinds import load_plugins
from torkivity_engine.film.kinetic import unkinetic_parts
from torkivity_engine.film.layers import HeavyMetal
from torkivity_engine.film.stack import Stack, as_stack
from torkivity_engine.film.table_film import has_tables
from torkivity_engine.tolerance import Tolerance

__all__ = [
    "check_config",
    "load_config",
    "override",
    "parse_config",
    "preset_names",
    "preset_text",
    "read_bytes",
    "read_text",
    "read_toml",
    "to_json",
    "to_toml",
]


def load_config(path: Path | str) -> RunConfig:
    """Read and check a configuration file.

    Parameters
    ----------
    path : Path or str

    Returns
    -------
    RunConfig

    Raises
    ------
    ConfigError
        With file, key, value and what would be right, in one line.
    """
    data = read_toml(path, "no such file; 'torkivity init' writes one to start from")
    return check_config(data, str(path))


def parse_config(text: str, file: str) -> RunConfig:
    """Check a configuration that is at hand as text.

    Parameters
    ----------
    text : str
        TOML.
    file : str
        Name for errors; what the configuration names is looked for beside it.

    Returns
    -------
    RunConfig

    Raises
    ------
    ConfigError
        As of `check_config`.
    """
    return check_config(_tables_of(text, file), file)


def read_bytes(path: Path | str, missing: str = "no such file") -> bytes:
    """Content of a file that a user names.

    Parameters
    ----------
    path : Path or str
    missing : str, optional
        What to say if it is not there.

    Raises
    ------
    ConfigError
    """
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise ConfigError(str(path), missing) from None
    except OSError as error:
        raise ConfigError(str(path), f"cannot be read ({error.strerror})") from None


def read_text(path: Path | str, kind: str, missing: str = "no such file") -> str:
    """Content of a text file that a user wrote, without the byte-order mark of some editors.

    Parameters
    ----------
    path : Path or str
    kind : str
        What it is to be, for errors: "TOML".
    missing : str, optional
        What to say if it is not there.

    Raises
    ------
    ConfigError
    """
    try:
        return read_bytes(path, missing).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigError(str(path), f"is not a {kind} file (not UTF-8 text)") from None


def read_toml(path: Path | str, missing: str) -> dict[str, Any]:
    """Tables of a TOML file; parameters and errors as of `read_text`."""
    return _tables_of(read_text(path, "TOML", missing), str(path))


def _tables_of(text: str, file: str) -> dict[str, Any]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(file, f"is not valid TOML: {error}") from None
    _refuse_control_characters(file, "", data)
    return data


def _refuse_control_characters(file: str, where: str, value: Any) -> None:
    """Names and labels go to tables, figures and files, which have one line for each."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            inner = f"{where}.{key}".lstrip(".")
            _refuse_control_characters(file, "a key", key)
            _refuse_control_characters(file, inner, item)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _refuse_control_characters(file, f"{where}[{index}]", item)
    elif isinstance(value, str) and any(category(c) in ("Cc", "Zl", "Zp") for c in value):
        raise ConfigError(
            file,
            f"{where} = {shorten(json.dumps(value))}: must not have control characters; where "
            "backslashes are meant, write a literal string, in single quotes: '...'",
        )


def check_config(data: Mapping[str, Any], file: str) -> RunConfig:
    """Check the tables of a configuration.

    Parameters
    ----------
    data : mapping
        Parsed TOML.
    file : str
        Name for errors.

    Returns
    -------
    RunConfig

    Raises
    ------
    ConfigError
        Everything that is wrong, a line for each thing: key, value and what would be right.
    """
    problems = Problems(file)
    plugins = data.get("plugins", [])
    if isinstance(plugins, list) and plugins:
        try:
            load_plugins(plugins, Path(file).parent)
        except InputError as error:
            problems.add("plugins", error.expected, error.value)
            problems.raise_any()  # kinds that are not there are no further mistakes
    film = read_film(data, problems)
    rest = {key: value for key, value in data.items() if key not in FILM_TABLES}
    config = None
    try:
        # The film is checked already; what stands in for a wrong one is never looked at.
        config = RunConfig.model_validate({**rest, "film": film or _STAND_IN})
    except ValidationError as error:
        for entry in error.errors():
            _note(entry, problems)
    if config is not None:
        # Everything the engine would refuse is refused on reading, not in the middle of a run.
        check_settings(config, problems)
        check_figure(config.figure, problems)
    problems.raise_any()
    assert config is not None
    return config


_STAND_IN = Stack((HeavyMetal(1.0, 1.0, 1.0),), ())


def override(
    config: RunConfig,
    *,
    method: str | None = None,
    memory_gb: float | None = None,
    rtol: float | None = None,
    default_rtol: float | None = None,
) -> RunConfig:
    """Configuration with settings from elsewhere (None keeps the file's).

    Parameters
    ----------
    config : RunConfig
    method : {"reduced", "dense"}, optional
    memory_gb : float, optional
    rtol : float, optional
        In place of the file's mesh.
    default_rtol : float, optional
        Where the file says nothing of a mesh.

    Returns
    -------
    RunConfig

    Raises
    ------
    InputError
        For a number that is no tolerance.
    """
    given = {"method": method, "memory_gb": memory_gb}
    update = {key: value for key, value in given.items() if value is not None}
    changed: dict[str, Any] = {"solver": config.solver.model_copy(update=update)}
    film = config.film
    meshed = not has_tables(as_stack(film)) and not unkinetic_parts(film)
    unsaid = meshed and not config.mesh.model_fields_set
    rtol = rtol if rtol is not None or not unsaid else default_rtol
    if rtol is not None:
        changed["mesh"] = MeshSection.model_validate({"rtol": Tolerance(rtol).rtol})
    return config.model_copy(update=changed)


def preset_names() -> dict[str, str]:
    """Names of the presets, the default first, with their first comment line."""
    folder = resources.files("torkivity") / "presets"
    names = sorted(
        (entry.name.removesuffix(".toml") for entry in folder.iterdir()),
        key=lambda name: (name != "pt-co", name),
    )
    return {name: preset_text(name).splitlines()[0].lstrip("# ") for name in names}


def preset_text(name: str) -> str:
    """Commented TOML text of a preset."""
    return (resources.files("torkivity") / "presets" / f"{name}.toml").read_text("utf-8")


def to_toml(film: Film, settings: Settings) -> str:
    """A film and how it is computed, all defaults filled in, as TOML that reads back the same."""
    import tomlkit

    return tomlkit.dumps(_tables(film, settings))


def to_json(film: Film, settings: Settings) -> str:
    """The same as JSON (infinity as the string "inf")."""
    return json.dumps(_without_infinity(_tables(film, settings)), allow_nan=False)


def _tables(film: Film, settings: Settings) -> dict[str, Any]:
    rest = settings.model_dump(exclude_none=True, exclude={"film"})
    rest["mesh"] = settings.mesh.table()
    plugins = {"plugins": rest.pop("plugins")} if rest.get("plugins") else {}
    rest.pop("plugins", None)
    return {**plugins, **film_tables(film), **rest}


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_infinity(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_infinity(item) for item in value]
    return "inf" if value == math.inf else value


def _note(entry: Any, problems: Problems) -> None:
    """One problem that the sections have with their tables."""
    keys = entry["loc"]
    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    parent = _section_model(keys[:-1])
    if entry["type"] == "extra_forbidden":
        known = [name for name in (parent.model_fields if parent else {}) if name != "film"]
        problems.unknown(where, str(keys[-1]), [*known, *(FILM_TABLES if len(keys) == 1 else ())])
        return
    if entry["type"] == "missing":
        what = parent.model_fields[str(keys[-1])].description if parent else None
        problems.add(where, f"is missing: {what or f'a table [{where}] is needed'}")
        return
    if entry["type"] == "model_type":
        expected = f"must be a table, [{where}] or {{ ... }}"
    else:
        expected = entry["msg"].replace("Input should be", "must be").replace("'", '"')
        field = parent.model_fields.get(str(keys[-1])) if parent else None
        if field is not None and field.description and "or" not in field.description.split():
            expected += f" ({field.description})"
    problems.add(where, expected, entry["input"])


def _section_model(keys: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Model of the table that a key path leads to."""
    model: type[BaseModel] = RunConfig
    for key in keys:
        field = model.model_fields.get(str(key))
        if field is None:
            return None
        tables = [
            kind
            for kind in (field.annotation, *get_args(field.annotation))
            if isinstance(kind, type) and issubclass(kind, BaseModel)
        ]
        if not tables:
            return None
        model = tables[0]
    return model

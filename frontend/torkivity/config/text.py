"""The TOML file that describes a run, checked and turned into the engine's objects.

Structure and types are checked here; what a value may be is checked where it is used, by the
engine's own classes, whose errors are given back with the file and the full key in front.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from torkivity.config.build import ConfigSource, build_film, check_figure, check_mesh
from torkivity.config.errors import ConfigError, literal, shorten
from torkivity.config.sections import RunConfig

__all__ = [
    "check_config",
    "load_config",
    "override",
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
    text = read_text(path, "TOML", missing)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(str(path), f"is not valid TOML: {error}") from None


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
    """
    try:
        config = RunConfig.model_validate(data)
    except ValidationError as error:
        raise ConfigError(file, _problem(error)) from None
    # Everything the engine would refuse is refused on reading, not in the middle of a run.
    build_film(config, file)
    check_mesh(config, ConfigSource(file))
    check_figure(config, ConfigSource(file))
    return config


def override(
    config: RunConfig, *, method: str | None = None, memory_gb: float | None = None
) -> RunConfig:
    """Configuration with solver settings from elsewhere (None keeps the file's).

    Parameters
    ----------
    config : RunConfig
    method : {"reduced", "dense"}, optional
    memory_gb : float, optional

    Returns
    -------
    RunConfig
    """
    given = {"method": method, "memory_gb": memory_gb}
    update = {key: value for key, value in given.items() if value is not None}
    return config.model_copy(update={"solver": config.solver.model_copy(update=update)})


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


def to_toml(config: RunConfig) -> str:
    """Configuration with all defaults filled in, as TOML that reads back the same."""
    lines = []
    for section, values in config.model_dump(exclude_none=True).items():
        lines.append(f"[{section}]")
        lines += [f"{key} = {literal(value)}" for key, value in values.items()]
        lines.append("")
    return "\n".join(lines)


def to_json(config: RunConfig) -> str:
    """Configuration with all defaults filled in, as JSON (infinity as the string "inf")."""
    return json.dumps(
        {
            section: _without_infinity(values)
            for section, values in config.model_dump(exclude_none=True).items()
        },
        allow_nan=False,
    )


def _without_infinity(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_infinity(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_infinity(item) for item in value]
    return "inf" if value == math.inf else value


def _problem(error: ValidationError) -> str:
    """One line for the first problem; a misspelt key before the missing one it causes."""
    problems = sorted(error.errors(), key=lambda entry: entry["type"] != "extra_forbidden")
    first = problems[0]
    keys = first["loc"]
    where = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
    parent = _section_model(keys[:-1])
    if first["type"] == "extra_forbidden":
        return f"{where}: unknown key; {_suggestion(str(keys[-1]), parent)}"
    if first["type"] == "missing":
        what = parent.model_fields[str(keys[-1])].description if parent else None
        return f"{where} is missing" + (f": {what}" if what else f": a table [{where}] is needed")
    if first["type"] == "model_type":
        expected = f"must be a table, [{where}] or {{ ... }}"
    else:
        expected = first["msg"].replace("Input should be", "must be").replace("'", '"')
        field = parent.model_fields.get(str(keys[-1])) if parent else None
        if field is not None and field.description and "or" not in field.description.split():
            expected += f" ({field.description})"
    return f"{where} = {shorten(literal(first['input']))}: {expected}"


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


def _suggestion(key: str, model: type[BaseModel] | None) -> str:
    known = list(model.model_fields) if model else []
    close = difflib.get_close_matches(key, known, n=1)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(known)}"

"""The only file that knows the parser library: a verb is a typed function, its options are the parameters.

A parameter of type `Recipe` becomes ``RECIPE`` (a YAML file or a shipped name) and one option for each of its keys;
``--networks a,b`` takes some of its networks, as ``--losses a,b`` takes losses.
"""

import dataclasses
import inspect
import json
import os
import re
import sys
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jsonargparse

from subband._check import closest
from subband.config import GROUPS, Recipe, read_recipe
from subband.tasks.methods import narrowed

VERB_LISTS = ("--baselines", "--soma", "--block", "--halo")
"""Options of verbs that are lists."""
DASHED = r"--(?:moving_labels|fixed_labels|min_length|flip_truth|flip_y)\b"
"""Options of verbs that are typed with dashes."""


def call(verb: Callable[..., int | None], name: str, arguments: Sequence[str]) -> int:
    """Parse ``arguments`` and run a verb; a wrong call or a failure ends in one sentence on standard error."""
    try:
        options = _read(verb, name, list(arguments))
        return verb(**options) or 0
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError, ImportError, jsonargparse.ArgumentError) as error:
        print(f"subband {name}: {_sentence(error)}", file=sys.stderr)  # noqa: T201
        return 1 if isinstance(error, OSError) else 2
    except KeyboardInterrupt:
        print(f"\nsubband {name}: stopped; the same command goes on where it stopped", file=sys.stderr)  # noqa: T201
        return 130


def recipe_of(name: str) -> Recipe:
    """A shipped recipe or a YAML file, with the defaults filled in."""
    parser = jsonargparse.ArgumentParser(exit_on_error=False, default_env=False)
    parser.add_class_arguments(Recipe, "recipe", as_group=True)
    parser.set_defaults({f"recipe.{key}": value for key, value in _flat(read_recipe(name))})
    found: Recipe = parser.instantiate(parser.parse_args([]))["recipe"]
    return found


def _read(verb: Callable[..., Any], name: str, arguments: list[str]) -> dict[str, Any]:
    hints = typing.get_type_hints(verb)
    parameters = inspect.signature(verb).parameters
    recipe = next((key for key in parameters if hints[key] is Recipe), None)
    parser = jsonargparse.ArgumentParser(
        prog=f"subband {name}", description=_first_paragraph(verb), exit_on_error=False, default_env=False
    )
    if recipe:
        default = parameters[recipe].default
        parser.add_argument(
            "recipe_name",
            metavar="RECIPE",
            help="a YAML file or a shipped name (subband list recipe)",
            **({} if default is inspect.Parameter.empty else {"nargs": "?", "default": default}),
        )
    parser.add_function_arguments(verb, as_group=False, as_positional=True, skip={recipe} if recipe else set())
    chosen: list[str] = []
    if recipe:
        arguments, chosen = _chosen_networks(arguments)
        parser.add_class_arguments(Recipe, "recipe", as_group=True)
        arguments = [_under_recipe(argument) for argument in arguments]
    arguments = [_underscored(argument, parameters) for argument in arguments]
    arguments = _bare_flags(arguments, _flags(hints))
    arguments = _comma_lists(arguments)
    plain = [key for key, each in parameters.items() if each.kind is each.POSITIONAL_OR_KEYWORD]
    required = [key for key in plain if parameters[key].default is inspect.Parameter.empty]
    optional = [key for key in plain if key not in required]
    if {"-h", "--help"} & set(arguments):
        print(_help(parser, name, required, optional))  # noqa: T201
        raise SystemExit(0)
    many = bool(required) and typing.get_origin(hints[required[-1]]) is list
    arguments = _place(arguments, required, optional, many)
    _known_options(parser, arguments)
    if recipe:
        first = parser.parse_args(arguments).recipe_name
        parser.set_defaults({f"recipe.{key}": value for key, value in _flat(read_recipe(first))})
    found = parser.instantiate(parser.parse_args(arguments))
    if recipe:
        found[recipe] = narrowed(found[recipe], chosen)
    return {key: found[key] for key in parameters}


def _help(parser: jsonargparse.ArgumentParser, name: str, words: list[str], optional: list[str]) -> str:
    """The parser's help, as the options are typed."""
    line = " ".join(["usage: subband", name, *(w.upper() for w in words), *(f"[{w.upper()}]" for w in optional)])
    text = parser.format_help().replace("--recipe.", "--").replace(" {true,false}", "")
    text = re.sub(r"usage: .*?\n\n", f"{line} [options]\n\n", text, count=1, flags=re.DOTALL)
    text = _as_typed(text)
    return re.sub(r"\n  --(recipe|fit) CONFIG.*?(?=\n  --)", "", text, flags=re.DOTALL)


def _as_typed(text: str) -> str:
    """Options of verbs with dashes, as people type them."""
    return re.sub(DASHED, lambda found: found[0].replace("_", "-"), text)


def _known_options(parser: jsonargparse.ArgumentParser, arguments: list[str]) -> None:
    """Say which option is unknown, and the closest known one."""
    every = [text.replace("--recipe.", "--") for action in parser._actions for text in action.option_strings]
    known = [_as_typed(text) for text in every]
    for argument in arguments:
        option = _as_typed(argument.partition("=")[0].replace("--recipe.", "--"))
        if option.startswith("--") and len(option) > 2 and option.rstrip("+") not in known:
            raise ValueError(f"there is no option {option}{closest(option, known)}")


def _under_recipe(argument: str) -> str:
    """``--optim.lr`` is an option of the recipe, ``--recipe.optim.lr`` for the parser."""
    key = argument.removeprefix("--").partition("=")[0].partition(".")[0]
    known = argument.startswith("--") and key in typing.get_type_hints(Recipe)
    return f"--recipe.{argument.removeprefix('--')}" if known else argument


def _underscored(argument: str, known: Iterable[str]) -> str:
    """``--moving-labels`` is the option of the parameter ``moving_labels``."""
    option, equals, value = argument.partition("=")
    key = option.removeprefix("--").replace("-", "_")
    return f"--{key}{equals}{value}" if argument.startswith("--") and key in known else argument


def _chosen_networks(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Take ``--networks a,b`` out of the arguments; a value in braces is the whole group and stays."""
    result: list[str] = []
    chosen: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if option != "--networks":
            result.append(argument)
            continue
        value = value if equals else next(rest, "")
        if value.startswith("{"):
            result += ["--networks", value]
        else:
            chosen += [name.strip() for name in value.strip("[]").split(",") if name.strip()]
    return result, chosen


def _flags(hints: Mapping[str, Any]) -> set[str]:
    """Options that are true or false, those of groups of options too."""
    found = {f"--{key}" for key, hint in hints.items() if hint is bool}
    groups = {key: hint for key, hint in hints.items() if dataclasses.is_dataclass(hint) and hint is not Recipe}
    return found.union(
        *(
            {f"--{key}.{name}" for name, hint in typing.get_type_hints(group).items() if hint is bool}
            for key, group in groups.items()
        )
    )


def _bare_flags(arguments: list[str], flags: set[str]) -> list[str]:
    """``--overwrite`` alone means yes."""
    result = []
    for index, argument in enumerate(arguments):
        result.append(argument)
        following = arguments[index + 1] if index + 1 < len(arguments) else ""
        if argument in flags and following.lower() not in ("true", "false"):
            result.append("true")
    return result


def _place(arguments: list[str], required: list[str], optional: list[str], many: bool) -> list[str]:
    """Put words before options: first the required ones (the last takes the rest if ``many``), then the optional."""
    options: list[str] = []
    words: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        if not argument.startswith("-") or argument == "-":
            words.append(argument)
            continue
        options.append(argument)
        if "=" not in argument and argument not in ("-h", "--help"):
            options += [value for value in [next(rest, None)] if value is not None]
    if many and len(words) >= len(required):
        return [*words[: len(required) - 1], json.dumps(words[len(required) - 1 :]), *options]
    named = [f"--{key}={word}" for key, word in zip(optional, words[len(required) :], strict=False)]
    return [*words[: len(required)], *words[len(required) + len(named) :], *named, *options]


def _comma_lists(arguments: list[str]) -> list[str]:
    """``--losses ce,dice`` is a list."""
    lists = {"losses", "seeds", "run_folds", "data.crop", "optim.milestones", "recognition.sets", "recognition.far"}
    lists |= {
        "data.spacing",
        *(f"robustness.{key}" for key in ("corruptions", "severities", "attacks", "eps", "lengths")),
    }
    result = list(arguments)
    for index, argument in enumerate(arguments):
        key, equals, value = argument.removeprefix("--recipe.").partition("=")
        prefix = "--recipe." if argument.startswith("--recipe.") else "--"
        if (key not in lists or prefix == "--") and key not in VERB_LISTS:
            continue
        if equals:
            result[index] = f"{prefix}{key.removeprefix('--')}=[{value.strip('[]')}]"
        elif index + 1 < len(arguments):
            result[index + 1] = f"[{arguments[index + 1].strip('[]')}]"
    return result


def _flat(values: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Keys of nested groups, joined by dots; loss_options, networks and options stay one value."""
    result: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, dict) and key in GROUPS:
            result += _flat(value, f"{prefix}{key}.")
        else:
            result.append((prefix + key, value))
    return result


def _first_paragraph(verb: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(verb) or "").partition("\n\n")[0].split())


def _sentence(error: BaseException) -> str:
    text = str(error).replace('key "recipe.', 'key "').replace("recipe_name", "RECIPE")
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(text.split()) or type(error).__name__

"""The behaviour table: reads the cases, runs them, compares results."""

import json
import struct
import time
from dataclasses import dataclass

from door import Refused
from text import ABSENT, Tagged, decode


@dataclass
class Ref:
    path: str


@dataclass
class About:
    number: float
    tolerance: float


@dataclass
class Exactly:
    value: object


ANY = object()


def helper(tag, arguments):
    """The helpers and matchers of tests/behaviour/README.md."""
    match tag, arguments:
        case "absent", []:
            return ABSENT
        case "any", []:
            return ANY
        case "about", [number, tolerance]:
            return About(number, tolerance)
        case "exactly", [value]:
            return Exactly(decode(value, helper))
        case "ref", [path]:
            return Ref(path)
        case "repeat", [text, times]:
            return text * times
        case "join", parts:
            return "".join(decode(part, helper) for part in parts)
        case "nest", [times, value]:
            nested = decode(value, helper)
            for _ in range(times):
                nested = [nested]
            return nested
        case "keys", [prefix, count]:
            return [f"{prefix}{i:05}" for i in range(count)]
        case "pairs", [prefix, count]:
            return [[f"{prefix}{i:05}", i] for i in range(count)]
    return None


class Failed(Exception):
    pass


def cases(paths, door):
    for path in sorted(paths):
        with open(path, encoding="utf-8") as file:
            for case in json.load(file):
                if door in case.get("doors", [door]):
                    yield path.stem, case


# What a handle does is lost with it.
HANDLED = {"close", "watch", "events"}


def can_reopen(case):
    """May the store be opened again between the steps? That takes milliseconds, too."""
    return not any("wait" in step or step["do"][0] in HANDLED for step in case["steps"])


def run(case, open_store, reopen=False):
    """Runs a case on a fresh store, or raises what was wrong. `reopen`: closes, or drops, the store and opens it again
    between the steps."""
    first = open_store()
    current, space, remembered = first, "", {}
    for at, step in enumerate(case["steps"]):
        if reopen and at:
            if at % 2:
                first.close()
            for handle in {id(handle): handle for handle in (current, first)}.values():
                handle.drop()
            first = open_store()
            current = first.namespace(space) if space else first
        if "wait" in step:
            time.sleep(step["wait"] / 1000)
            continue
        op, *args = [fill(decode(arg, helper), remembered) for arg in step["do"]]
        shown = short(step)
        try:
            if op == "namespace":
                result = None
                current = first if args == [""] else first.namespace(*args)
                space = args[0]
            else:
                result = getattr(current, op)(*args)
        except Refused as refused:
            if step.get("fails") != refused.kind:
                raise Failed(f"{shown}: {refused}") from refused
            if "key" in step and step["key"] != refused.key:
                raise Failed(f"{shown}: is about the key {short(refused.key)}, not {short(step['key'])}")
            continue
        if "fails" in step:
            raise Failed(f"{shown}: gave {short(result)}")
        if "is" in step:
            wrong = difference(result, fill(decode(step["is"], helper), remembered))
            if wrong:
                raise Failed(f"{shown}: {wrong}")
        if "as" in step:
            remembered[step["as"]] = result


def fill(value, remembered):
    """The value with what was remembered in the place of references."""
    match value:
        case Ref(path):
            name, *steps = path.split(".")
            found = remembered[name]
            for step in steps:
                found = found[int(step)] if isinstance(found, list) else found[step]
            return found
        case Exactly(inner):
            return Exactly(fill(inner, remembered))
        case list():
            return [fill(item, remembered) for item in value]
        case dict():
            return {name: fill(item, remembered) for name, item in value.items()}
    return value


def difference(found, expected, path="", exact=False):
    """Where and how `found` is not what was expected, or None. Objects match on the fields that are expected, and
    have no other where `exact`."""
    match expected:
        case Exactly(value):
            return difference(found, value, path, True)
        case _ if expected is ANY:
            same = found is not ABSENT
        case About(number, tolerance):
            same = type(found) in (int, float) and abs(found - number) <= tolerance
        case dict() if isinstance(found, dict) and not (exact and found.keys() - expected.keys()):
            parts = ((found.get(name, ABSENT), value, f".{name}") for name, value in expected.items())
            return first_difference(parts, path, exact)
        case list() if isinstance(found, list) and len(found) == len(expected):
            parts = ((one, other, f"[{at}]") for at, (one, other) in enumerate(zip(found, expected)))
            return first_difference(parts, path, exact)
        case Tagged(tag, body) if isinstance(found, Tagged) and found.tag == tag:
            return difference(found.body, body, path + ".body", exact)
        case float():
            same = type(found) is float and struct.pack("d", found) == struct.pack("d", expected)
        case _:
            same = type(found) is type(expected) and found == expected
    return None if same else f"gave {short(found)} {path and 'at ' + path}"


def first_difference(parts, path, exact):
    found = (difference(one, other, path + step, exact) for one, other, step in parts)
    return next((text for text in found if text), None)


def short(value):
    text = repr(value)
    return text if len(text) < 300 else text[:300] + "…"

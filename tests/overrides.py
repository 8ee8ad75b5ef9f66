"""Overrides as people mistype them and as somebody who means ill would write them."""

from __future__ import annotations

from functools import cache

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from omegaconf import DictConfig, OmegaConf

GROUPS = ("model", "task", "method", "train", "measure", "search", "sweep", "plan")
PARTS = ["[", "]", "{", "}", "(", ")", "'", '"', "\\", ",", ":", "=", "~", "+", "++", "@", "$",
         "${", "*", "|", "/", ".", "..", " ", "\t", "\n", "\x00", "\x1b[31m", "\u202e", "é", "名",
         "\U0001f600", "\ud800", "null", "true", "0", "1e400", "-", "#", "%"]  # fmt: skip
ODD = ["", "null", "???", "true", "0", "-1", "1", "2.5", "nan", "inf", "-inf", "1e400", "9" * 30,
       "9" * 5000, "0x10", "1_0", "x" * 5000, "[]", "{}", "[1,2]", "[[1],[2,[3]]]", "{a:1}",
       "{a:{b:[1]}}", "''", "'a b'", '"a\\nb"', "'\n'", "a\nb", "$HOME", "${oc.env:HOME}",
       "${oc.env:ABSENT_VARIABLE}", "${oc.env:ABSENT_VARIABLE,x}", "${oc.decode:'['}",
       "${oc.create:{a:1}}", "${oc.select:absent}", "${oc.dict.keys:model}",
       "${oc.deprecated:size}", "${absent}", "${size}", "${.}", "${..}", "${.a}", "${model}",
       "${model.source}", "${method.rank}", "${hydra:runtime.cwd}", "${hydra.job.name}",
       "${times:2,3}", "${times:2}", "${times:a,b}", "${times:x,100000000}",
       "${peft_size:absent,field}", "${peft_size:lora,absent}", "${peft_size:lora,__class__}",
       "${${size}}", "${", "${a", "$}", "\\${size}", "choice(1,2)", "range(1,4)", "interval(0,1)",
       "glob(*)", "sort(1,2)", "shuffle(1)", "int(x)", "json_str(1)", "tag(a,1)",
       "extend_list(1)", "../../x", "/etc/passwd", "..", ".", "/", "a/../b", "peft/lora",
       "peft/../lora", "lora,ia3", "cpu", "cuda", "8GiB", "0.5%", "-5%", "1e400%", "infGiB",
       "module:Class", "os:system"]  # fmt: skip
FOREIGN = ["hydra.run.dir", "hydra.launcher", "hydra/launcher", "hydra.job.name", "hydra.mode",
           "hydra", "hydra/job_logging", "hydra.sweep.dir", "hydra.searchpath", "hydra.verbose",
           "absent", "model.absent", "method.absent", "absent.absent", "a.b.c", "", ".", "model.",
           ".model", "_target_", "defaults", "model.source.architecture.model_type",
           "task.limit.train", "task.drop.a", "task.labels", "model/x", "../model", "model@x",
           "model@_global_", "model@:", "peft/lora", "method/peft", "size.a", "seed[0]",
           "task.path", "model.path"]  # fmt: skip


@cache
def _keys() -> list[str]:
    """Every key that a config of the command has, nested ones with dots."""
    from harness.entry import compose

    found: set[str] = set()
    for overrides in ([], ["task=csv", "model=path", "search=halving", "method=prefix_tuning"]):
        _collect(compose(overrides), "", found)
    return sorted(found)


def _collect(node: DictConfig, prefix: str, into: set[str]) -> None:
    for key in node:
        into.add(f"{prefix}{key}")
        child = node._get_node(key)
        if OmegaConf.is_dict(child) and not child._is_none():  # type: ignore[union-attr]
            _collect(child, f"{prefix}{key}.", into)  # type: ignore[arg-type]


def _files(group: str) -> list[str]:
    from harness.entry import CONF

    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def _names(group: str) -> list[str]:
    return [*_files(group), "peft/vera", "null", "absent"]


def _values() -> SearchStrategy[str]:
    pieces = st.lists(st.sampled_from(PARTS + ODD), max_size=4).map("".join)
    nested = st.recursive(
        st.sampled_from(ODD),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda parts: f"[{','.join(parts)}]"),
            st.dictionaries(st.sampled_from(["a", "b", "'c d'", "1"]), inner, max_size=2).map(
                lambda parts: "{" + ",".join(f"{k}:{v}" for k, v in parts.items()) + "}"
            ),
            inner.map(lambda part: f"${{{part}}}"),
        ),
        max_leaves=5,
    )
    odd = st.sampled_from(ODD)
    return st.one_of(odd, odd, odd, pieces, nested, st.text(max_size=12))


def overrides() -> SearchStrategy[str]:
    """One argument of a command line."""
    marks = st.sampled_from(["", "", "", "+", "++", "~"])
    key = st.one_of(st.sampled_from(_keys()), st.sampled_from(_keys() + FOREIGN))
    chosen = st.sampled_from(GROUPS).flatmap(
        lambda group: st.sampled_from(_names(group)).map(lambda name: f"{group}={name}")
    )
    given = st.tuples(marks, key, st.just("="), _values()).map("".join)
    removed = st.one_of(st.sampled_from(GROUPS), key).map(lambda name: f"~{name}")
    return st.one_of(given, given, given, chosen, removed, _values())


def command_lines() -> SearchStrategy[list[str]]:
    """Half of them composed of what parses, so that what comes after Hydra has its share."""
    odd = st.sampled_from([value for value in ODD if not set("\n(${,") & set(value)])
    key = st.sampled_from([key for key in _keys() if key not in GROUPS])
    known = st.tuples(st.sampled_from(["", "++"]), key, st.just("="), odd).map("".join)
    chosen = st.sampled_from(GROUPS).flatmap(
        lambda group: st.sampled_from(_files(group)).map(lambda name: f"{group}={name}")
    )
    interpolated = st.tuples(
        key, st.just("="), st.sampled_from([value for value in ODD if value.startswith("${")])
    ).map("".join)
    tame = st.one_of(known, known, chosen, interpolated, st.sampled_from(GROUPS).map("~{}".format))
    return st.one_of(
        st.lists(overrides(), min_size=1, max_size=3), st.lists(tame, min_size=1, max_size=3)
    )

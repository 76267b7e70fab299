"""What the product computes with must give the same bits on every processor: this names what may not be called."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
# These go through a BLAS or LAPACK, which add up in another order on another processor.
BLAS = {"dot", "matmul", "inner", "vdot", "tensordot", "vecdot", "matvec", "vecmat", "convolve", "correlate", "polyfit"}
BLAS |= {"cov", "corrcoef"}
# NumPy has other formulas for these on processors with wider registers, for single numbers, too.
DISPATCHED = {"tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"}
DISPATCHED |= {"exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "power", "float_power", "cbrt"}
# And these leave the order of equals to chance.
UNSTABLE = {"argsort", "argpartition"}


def _reason(node: ast.AST, compiled: bool) -> str | None:
    """Why an expression may differ between processors; `compiled` says that Numba translates it."""
    if isinstance(node, ast.MatMult):
        return "@ goes through BLAS: sim.geometry.product"
    if not isinstance(node, ast.Call):
        return None
    name = ast.unparse(node.func)
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    _, _, last = name.rpartition(".")
    if name.startswith("np.linalg.") and not (last == "norm" and "axis" in keywords):
        return f"{name} goes through BLAS or LAPACK: sim.geometry.length, or a closed form"
    if name.endswith(".dot") or (name.startswith("np.") and last in BLAS):
        return f"{name} goes through BLAS: sim.geometry.product"
    if last == "einsum" and "optimize" in keywords:
        return "np.einsum with optimize goes through BLAS"
    # Numba takes these from the C library and has a sort of its own.
    if not compiled and name.startswith("np.") and last in DISPATCHED:
        return f"{name} depends on the processor: sim.geometry.arctan2, or math's"
    if not compiled and last in UNSTABLE and keywords.get("kind") != "'stable'":
        return f'{name} without kind="stable" orders equals by chance'
    return None


def _findings(tree: ast.AST, compiled: bool = False) -> Iterator[tuple[int, str, str]]:
    """Line, expression and reason of all that may differ."""
    for node in ast.iter_child_nodes(tree):
        inside = compiled
        if isinstance(node, ast.FunctionDef):
            inside = compiled or any("njit" in ast.unparse(decorator) for decorator in node.decorator_list)
        operator = node.op if isinstance(node, ast.BinOp | ast.AugAssign) else node
        reason = _reason(operator, inside)
        if reason is not None:
            yield getattr(node, "lineno", 0), ast.unparse(node), reason
        yield from _findings(node, inside)


def test_the_simulator_calls_nothing_whose_last_bit_depends_on_the_processor() -> None:
    files = sorted((ROOT / "sim").rglob("*.py"))
    assert len(files) > 100
    offences = [
        f"{path.relative_to(ROOT)}:{line}: {expression}: {reason}"
        for path in files
        for line, expression, reason in _findings(ast.parse(path.read_text()))
    ]
    assert not offences, "\n".join(offences)


def test_what_may_not_be_called_is_found() -> None:
    calls = (
        "a @ b", "a @= b", "np.dot(a, b)", "a.dot(b)", "np.linalg.norm(a)", "np.linalg.inv(a)", "np.exp(a)",
        "np.arctan2(a, b)", "np.argsort(a)", "a.argsort()", "np.einsum('ij,jk', a, b, optimize=True)",
    )  # fmt: skip
    for call in calls:
        assert list(_findings(ast.parse(f"def f(a, b):\n    {call}"))), call
    for call in ("np.linalg.norm(a, axis=1)", "np.sqrt(a)", "a * b", "np.argsort(a, kind='stable')", "math.exp(a)"):
        assert not list(_findings(ast.parse(f"def f(a, b):\n    {call}"))), call
    assert not list(_findings(ast.parse("@njit(cache=True)\ndef f(a):\n    np.argsort(a)")))
    assert list(_findings(ast.parse("@njit(cache=True)\ndef f(a):\n    a @ a")))


def test_sines_and_cosines_of_arrays_are_the_c_librarys() -> None:
    """They may be called: NumPy's wheels have no other formula for them in double precision."""
    angles = np.random.default_rng(1).uniform(-1000.0, 1000.0, 20_000)
    assert np.sin(angles).tolist() == [math.sin(angle) for angle in angles.tolist()]
    assert np.cos(angles).tolist() == [math.cos(angle) for angle in angles.tolist()]

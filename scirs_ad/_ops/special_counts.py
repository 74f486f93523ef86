"""Functions of scipy.special that count, continued between the whole numbers, and a second name of SciPy's."""

from scirs_ad._core.core import Variable, as_array, dtype_of, value_of
from scirs_ad._core.errors import NotDifferentiableError
from scirs_ad._ops import elementwise as ew
from scirs_ad._ops.special import PAGES
from scirs_ad._ops.special_base import sp

__all__ = ["assoc_laguerre", "comb", "factorial", "perm"]


def _variables(name, exact, *args):
    """Whether an argument is a Variable; refuse those that carry a derivative where the result is a Python integer."""
    if not any(isinstance(a, Variable) for a in args):
        return False
    if exact and any(isinstance(a, Variable) and a.level is not None for a in args):
        raise NotDifferentiableError(
            f"scipy.special.{name}: with exact=True the result is a whole number, which has no derivative; use "
            "exact=False, or scirs_ad.value(x) if none is wanted"
        )
    return True


def _where_defined(N, k, function):
    """``function(N, k)`` for 0 <= k <= N, 0 elsewhere, as SciPy defines both counts."""
    inside = ew.logical_and(ew.less_equal(k, N), ew.logical_and(ew.greater_equal(N, 0), ew.greater_equal(k, 0)))
    # Elsewhere there are poles, whose nan would reach the derivative: the function is taken at another point.
    return ew.where(inside, function(ew.where(inside, N, 1.0), ew.where(inside, k, 0.0)), 0.0)


def comb(N, k, *, exact=False, repetition=False):
    """Number of combinations of `N` things taken `k` at a time.

    Parameters
    ----------
    N, k : array_like
        Real; 0 unless ``0 <= k <= N``.
    exact : bool
        SciPy's integers of any length, for arguments that carry no derivative.
    repetition : bool
        Whether a thing may be taken again.

    Returns
    -------
    Variable, ndarray, float or int

    Raises
    ------
    NotDifferentiableError
        With ``exact=True``, if an argument carries a derivative.

    Notes
    -----
    Derivative: that of `binom`, in both arguments: the binomial coefficient is continued by the gamma function. 0 where
    the result is 0 by definition. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> from scirs_ad.scipy.special import comb
    >>> comb(5, 2)
    10.0
    >>> float(ad.grad(comb, argnums=1)(5.0, 2.5))  # symmetric about 2.5
    0.0
    """
    if not _variables("comb", exact, N, k):
        return sp.comb(N, k, exact=exact, repetition=repetition)
    if exact:
        return sp.comb(value_of(N), value_of(k), exact=True, repetition=repetition)
    N, k = as_array(N), as_array(k)
    if not repetition:
        return _where_defined(N, k, PAGES["binom"])
    # There is one choice of nothing out of nothing: SciPy before 1.17 has 0 there.
    empty = ew.logical_and(ew.equal(k, 0), ew.equal(N, 0))
    total = ew.where(empty, 1.0, ew.subtract(ew.add(N, k), 1))
    return ew.where(empty, 1.0, PAGES["binom"](total, k))


def perm(N, k, exact=False):
    """Number of ordered choices of `k` out of `N` things: ``N (N - 1) ... (N - k + 1)``.

    Parameters
    ----------
    N, k : array_like
        Real; 0 unless ``0 <= k <= N``.
    exact : bool
        SciPy's integers of any length, for arguments that carry no derivative.

    Returns
    -------
    Variable, ndarray, float or int

    Raises
    ------
    NotDifferentiableError
        With ``exact=True``, if an argument carries a derivative.

    Notes
    -----
    Derivative: that of ``poch(N - k + 1, k)``, in both arguments. 0 where the result is 0 by definition. Cost: two
    passes.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> from scirs_ad.scipy.special import perm
    >>> float(ad.grad(perm)(4.0, 2))  # of N (N - 1)
    7.0
    """
    if not _variables("perm", exact, N, k):
        return sp.perm(N, k, exact=exact)
    if exact:
        return sp.perm(value_of(N), value_of(k), exact=True)
    N, k = as_array(N), as_array(k)
    return _where_defined(N, k, lambda n, k: PAGES["poch"](ew.add(ew.subtract(n, k), 1), k))


def factorial(n, exact=False, **extend):
    """Factorial, ``gamma(n + 1)`` between the whole numbers.

    Parameters
    ----------
    n : array_like
        Real; 0 for negative numbers.
    exact : bool
        SciPy's integers of any length, for arguments that carry no derivative.
    **extend
        ``extend="complex"``: the gamma function everywhere, where SciPy has it (1.15 and newer).

    Returns
    -------
    Variable, ndarray, float or int

    Raises
    ------
    NotDifferentiableError
        With ``exact=True``, if `n` carries a derivative.
    TypeError
        For other keywords.

    Notes
    -----
    Derivative: ``gamma(n + 1) * digamma(n + 1)``; 0 where the result is 0 by definition. Cost: two passes.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> from scirs_ad.scipy.special import factorial
    >>> factorial(4)
    24.0
    >>> float(ad.grad(factorial)(0.0))  # minus Euler's constant
    -0.5772156649015329
    """
    if not _variables("factorial", exact, n):
        return sp.factorial(n, exact=exact, **extend)
    if exact:
        return sp.factorial(value_of(n), exact=True, **extend)
    unknown = set(extend) - {"extend"}
    if unknown or extend.get("extend", "zero") not in ("zero", "complex"):
        return sp.factorial(0.0, **extend)  # SciPy says what is wrong
    n = as_array(n)
    if extend.get("extend") == "complex":
        return PAGES["gamma"](ew.add(n, 1))
    if dtype_of(n).kind == "c":
        raise ValueError("factorial: complex numbers need extend='complex'")
    below = ew.less(n, 0)
    return ew.where(below, 0.0, PAGES["gamma"](ew.add(ew.where(below, 1.0, n), 1)))


def assoc_laguerre(x, n, k=0.0):
    """Generalized Laguerre polynomial of degree `n` and order `k`: `eval_genlaguerre` with the arguments turned round.

    Parameters
    ----------
    x, n, k : array_like

    Returns
    -------
    Variable or ndarray

    Notes
    -----
    Derivative: as of `eval_genlaguerre`, in `x` and `k`. Cost: one pass.

    Examples
    --------
    >>> import scirs_ad as ad
    >>> from scirs_ad.scipy.special import assoc_laguerre
    >>> float(ad.grad(assoc_laguerre)(0.5, 1))  # of 1 - x
    -1.0
    """
    return PAGES["eval_genlaguerre"](n, k, x)

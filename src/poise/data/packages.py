"""Files that come inside other packages, found without importing those."""

from importlib.util import find_spec
from pathlib import Path

from ..errors import PoiseError


def package_file(name: str, package: str, *parts: str) -> Path:
    """Return the path of a file or folder inside an installed package.

    Args:
        name: the data set that wants it, for messages.
        package: what is imported by that name.
        parts: the path inside it.

    Raises:
        PoiseError: the package is not installed, or holds no such file.

    Example:
        >>> package_file("stocks", "arch", "data", "sp500").name
        'sp500'
    """
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise PoiseError(f"{name} comes in the package {package}, which is not there; pip install 'poise[series]'")
    path = Path(spec.origin).parent.joinpath(*parts)
    if not path.exists():
        raise PoiseError(f"the package {package} has no {'/'.join(parts)}; pip install --upgrade 'poise[series]'")
    return path

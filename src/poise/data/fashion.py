"""Fashion-MNIST: the whole set where it is installed or fetched, else the part inside the package."""

from pathlib import Path

from ..errors import PoiseError
from .arrays import load_idx
from .dataset import Dataset, Progress
from .fetch import FILES, default_folder, download_folder

NAME = "fashion-mnist"
CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
IN_PACKAGE = Path(__file__).parent / "fashion_mnist"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
IMAGES = "train-images-idx3-ubyte.gz"


def load_fashion(size: int | None = None, progress: Progress | None = None) -> Dataset:
    """Load Fashion-MNIST: 60,000 + 10,000 garments where found, else the 10,000 + 2,000 in the package.

    The whole set is looked for in $POISE_DATA/fashion-mnist, in ~/.local/share/poise/fashion-mnist
    (see `fetch`) and where Debian's package `dataset-fashion-mnist` puts it. The name of the result says
    when it is the part.
    """
    for folder in (download_folder(NAME), default_folder(NAME), DEBIAN):
        if whole := _load_whole(folder, size, progress):
            return whole
    return _load(f"{NAME} (10,000 images in the package)", IN_PACKAGE, size, progress)


def _load_whole(folder: Path, size: int | None, progress: Progress | None) -> Dataset | None:
    if not all((folder / name).is_file() for name in FILES[NAME]):
        return None
    try:
        data = _load(NAME, folder, size, progress)
    except PoiseError:
        return None
    whole = (len(data.train), len(data.test), len(data.classes)) == (60_000, 10_000, 10)
    return data if whole else None


def _load(name: str, folder: Path, size: int | None, progress: Progress | None) -> Dataset:
    data = load_idx(folder / IMAGES, size, progress)
    if len(data.classes) != len(CLASSES):
        raise PoiseError(f"{folder} does not hold the ten classes of Fashion-MNIST; get it again")
    return Dataset(name, "images", data.train, data.test, data.train_labels, data.test_labels, CLASSES)

"""Two TIFF stacks, images and labels, page by page."""

import os
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from subband.data._pages import Pages
from subband.data.images import as_image, require_file
from subband.data.sample import Mask, Reader, Sample


class Stack(Reader):
    """Base of the readers of one image stack and one label stack; a subclass says what the labels mean."""

    images: str
    labels: str
    page: str

    def __init__(self, root: str | os.PathLike[str]) -> None:
        folder = Path(root)
        self._images = Pages(require_file(folder / self.images, self.page))
        self._labels = Pages(require_file(folder / self.labels, self.page), palette="index")
        if len(self._images) != len(self._labels):
            raise ValueError(
                f"{folder / self.images} has {len(self._images)} pages, but {self.labels} has {len(self._labels)}; "
                f"one of them is not whole: get both from {self.page}"
            )
        super().__init__([f"{index:03d}" for index in range(len(self._images))])

    def read(self, index: int) -> Sample:
        """Read one page of both stacks."""
        image = as_image(self._images[index], str(self._images.path))
        return Sample(self.names[index], image, self.to_mask(self._labels[index]))

    def to_mask(self, labels: NDArray[Any]) -> Mask:
        """Mask of one page of labels."""
        raise NotImplementedError

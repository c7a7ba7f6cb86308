"""A reader of distributed checkpoints that runs nothing which a file asks for.

PyTorch reads the list of contents, ``.metadata``, with plain pickle, and entries that are no tensors too.
"""

import pickle
import re
from pathlib import Path
from typing import Any

from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.metadata import BytesStorageMetadata, Metadata, StorageMeta

_METADATA = (
    "BytesStorageMetadata",
    "ChunkStorageMetadata",
    "Metadata",
    "MetadataIndex",
    "StorageMeta",
    "TensorProperties",
    "TensorStorageMetadata",
    "_MEM_FORMAT_ENCODING",
)
_KNOWN = {
    *(("torch.distributed.checkpoint.metadata", name) for name in _METADATA),
    ("torch.distributed.checkpoint.filesystem", "_StorageInfo"),
    ("torch.serialization", "_get_layout"),
    ("torch", "Size"),
    ("pathlib", "PosixPath"),
    ("pathlib", "WindowsPath"),
    ("pathlib._local", "PosixPath"),
    ("pathlib._local", "WindowsPath"),
}
_DTYPE = re.compile(r"bool|(u?int|b?float|complex)\d+(_\w+)?")


class SafeReader(FileSystemReader):
    """As PyTorch's, for checkpoints of tensors alone.

    Raises:
        ValueError: While reading, if the folder is no checkpoint, is damaged, or holds more than tensors.
    """

    def read_metadata(self, rank: int | None = None) -> Metadata:
        """What the checkpoint holds."""
        file = Path(self.path) / ".metadata"
        if not file.is_file():
            raise ValueError(f"there is no distributed checkpoint in {self.path}; give the folder that save_head wrote")
        try:
            with file.open("rb") as stream:
                found = _Unpickler(stream).load()
        except pickle.UnpicklingError as error:
            raise ValueError(f"{file} is damaged, or not a checkpoint of tensors: {error}") from error
        except (EOFError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            raise ValueError(f"{file} is damaged; take an older checkpoint") from error
        if not isinstance(found, Metadata):
            raise ValueError(f"{file} holds a {type(found).__name__}, but must be the list of a checkpoint's contents")
        for name, entry in found.state_dict_metadata.items():
            if isinstance(entry, BytesStorageMetadata):
                raise ValueError(f"{name} in {self.path} is no tensor, and reading it could run code; it is not read")
        found.storage_meta = found.storage_meta or StorageMeta()
        found.storage_meta.load_id = self.load_id
        return found


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _KNOWN or (module == "torch" and _DTYPE.fullmatch(name)):
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not run")

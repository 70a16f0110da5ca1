"""The network of all-MiniLM-L6-v2 as an ONNX graph over the weights that its package holds.

BERT (Devlin et al., 2019) of six layers, for one text of any length: token numbers in, and the
mean of its tokens' last states, scaled to length 1, out (Reimers and Gurevych, "Sentence-BERT",
2019).
"""

from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from llm.minilm import DIMENSIONS, Matrix

LAYERS: Final = 6
HEADS: Final = 12
HEAD_SIZE: Final = DIMENSIONS // HEADS
EPSILON: Final = 1e-12
# The first with LayerNormalization and Gelu among its operators is 20.
OPSET: Final = 20
IR_VERSION: Final = 10


class Graph:
    """The graph, and apart from it the ``weights`` that it names.

    Within the model they would stay in memory twice: its session keeps the bytes that it read.
    """

    def __init__(self, weights: dict[str, Matrix]) -> None:
        self.weights: dict[str, Matrix] = {}
        self._from = weights
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._build()

    def to_bytes(self) -> bytes:
        """Return the model, whose weights are to be given beside it by their names."""
        graph = helper.make_graph(
            self._nodes,
            "MiniLM",
            [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["n"])],
            [helper.make_tensor_value_info("vector", TensorProto.FLOAT, [DIMENSIONS])],
            [*self._constants, *(_named(name, value) for name, value in self.weights.items())],
        )
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION)
        return bytes(model.SerializeToString())

    def _build(self) -> None:
        x = self._embeddings()
        for number in range(LAYERS):
            x = self._layer(x, f"encoder.layer.{number}")
        mean = self._node("ReduceMean", x, self._numbers([0]), keepdims=0)
        self._node("LpNormalization", mean, out="vector", axis=-1, p=2)

    def _embeddings(self) -> str:
        words = self._weight("words", self._from["embeddings.word_embeddings.weight"])
        # All texts are of type 0: its vector is added to the positions once.
        kind = self._from["embeddings.token_type_embeddings.weight"][0]
        places = self._weight("places", self._from["embeddings.position_embeddings.weight"] + kind)
        count = self._node("Shape", "tokens")
        word = self._node("Gather", words, "tokens")
        place = self._node("Slice", places, self._numbers([0]), count, self._numbers([0]))
        return self._norm(self._node("Add", word, place), "embeddings.LayerNorm")

    def _layer(self, x: str, name: str) -> str:
        mixed = self._attention(x, f"{name}.attention.self")
        mixed = self._dense(mixed, f"{name}.attention.output.dense")
        x = self._norm(self._node("Add", x, mixed), f"{name}.attention.output.LayerNorm")
        inner = self._node("Gelu", self._dense(x, f"{name}.intermediate.dense"))
        outer = self._dense(inner, f"{name}.output.dense")
        return self._norm(self._node("Add", x, outer), f"{name}.output.LayerNorm")

    def _attention(self, x: str, name: str) -> str:
        """Mix the rows of ``x``; queries, keys and values come of one product."""
        mixed = self._dense(x, *(f"{name}.{part}" for part in ("query", "key", "value")))
        shape = self._numbers([0, 3, HEADS, HEAD_SIZE])
        parts = self._node("Transpose", self._node("Reshape", mixed, shape), perm=[1, 2, 0, 3])
        query, key, value = (
            self._node("Gather", parts, self._numbers(part), axis=0) for part in range(3)
        )
        scale = self._constant(np.array(HEAD_SIZE**-0.5, dtype=np.float32))
        products = self._node("MatMul", query, self._node("Transpose", key, perm=[0, 2, 1]))
        shares = self._node("Softmax", self._node("Mul", products, scale), axis=-1)
        heads = self._node("Transpose", self._node("MatMul", shares, value), perm=[1, 0, 2])
        return self._node("Reshape", heads, self._numbers([0, DIMENSIONS]))

    def _dense(self, x: str, *names: str) -> str:
        """Return ``x @ weight.T + bias``, of several such side by side."""
        weight = np.concatenate([self._from[f"{name}.weight"] for name in names]).T
        bias = np.concatenate([self._from[f"{name}.bias"] for name in names])
        product = self._node("MatMul", x, self._weight(f"{names[0]}.weight", weight))
        return self._node("Add", product, self._weight(f"{names[0]}.bias", bias))

    def _norm(self, x: str, name: str) -> str:
        scale = self._weight(f"{name}.weight", self._from[f"{name}.weight"])
        bias = self._weight(f"{name}.bias", self._from[f"{name}.bias"])
        return self._node("LayerNormalization", x, scale, bias, axis=-1, epsilon=EPSILON)

    def _node(self, operator: str, *inputs: str, out: str = "", **options: Any) -> str:
        out = out or f"{operator}.{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [out], name=out, **options))
        return out

    def _numbers(self, numbers: list[int] | int) -> str:
        return self._constant(np.array(numbers, dtype=np.int64))

    def _constant(self, value: np.ndarray) -> str:
        name = f"constant.{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(value, name))
        return name

    def _weight(self, name: str, value: Matrix) -> str:
        self.weights[name] = np.ascontiguousarray(value)
        return name


def _named(name: str, value: Matrix) -> onnx.TensorProto:
    """Return a tensor whose values lie outside of the model."""
    tensor = TensorProto(
        name=name,
        data_type=TensorProto.FLOAT,
        dims=value.shape,
        data_location=TensorProto.EXTERNAL,
    )
    # Who runs the model gives the values: no file is read by this name.
    tensor.external_data.add(key="location", value="memory")
    return tensor

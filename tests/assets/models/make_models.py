"""Makes the models of this folder with the real tools: `python make_models.py FOLDER`.

Needs mlflow-skinny, scikit-learn, pandas, skl2onnx and onnx, which the tests do not.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnx
import pandas as pd
import skl2onnx
import sklearn
from mlflow.models import infer_signature
from onnx import TensorProto, helper
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

OPSET = 17
FIELDS = ["wind", "visibility"]


def data() -> tuple[Any, Any]:
    rng = np.random.default_rng(7)
    rows = pd.DataFrame({"wind": rng.uniform(0, 60, 400), "visibility": rng.uniform(0, 10, 400)})
    late = (rows["wind"] - 3 * rows["visibility"] + rng.normal(0, 6, 400) > 15).astype(int)
    return rows, late


class WithWeights(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Weights from a file; answers a table with label and probability."""

    def load_context(self, context: Any) -> None:
        self.weights = json.loads(Path(context.artifacts["weights"]).read_text())

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        weighted = sum(model_input[name] * self.weights[name] for name in ("wind", "visibility"))
        probability = 1 / (1 + np.exp(-(weighted + self.weights["bias"])))
        return pd.DataFrame({"label": (probability >= 0.5).astype(int), "probability": probability})


def wind() -> Any:
    """One named input, two named outputs: late above 30 knots."""
    made = helper.make_node
    one = [None, 1]
    graph = helper.make_graph(
        [
            made("Greater", ["wind", "limit"], ["over"]),
            made("Cast", ["over"], ["label"], to=TensorProto.INT64),
            made("Where", ["over", "high", "low"], ["probability"]),
        ],
        "wind",
        [helper.make_tensor_value_info("wind", TensorProto.DOUBLE, one)],
        [
            helper.make_tensor_value_info("label", TensorProto.INT64, one),
            helper.make_tensor_value_info("probability", TensorProto.DOUBLE, one),
        ],
        [
            helper.make_tensor(name, TensorProto.DOUBLE, [1], [value])
            for name, value in (("limit", 30.0), ("high", 0.9), ("low", 0.2))
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def main(folder: Path) -> None:
    rows, late = data()
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, late)
    scaler = make_column_transformer((StandardScaler(), FIELDS))
    named = make_pipeline(scaler, LogisticRegression()).fit(rows, late)
    single = rows.astype(np.float32)
    matrix = single.to_numpy()[:1]
    graphs = {
        "wind": wind(),
        "matrix": skl2onnx.to_onnx(model, matrix, options={"zipmap": False}, target_opset=OPSET),
        "zipmap": skl2onnx.to_onnx(model, matrix, target_opset=OPSET),
        "named": skl2onnx.to_onnx(named, single[:1], options={"zipmap": False}, target_opset=OPSET),
    }
    for name, graph in graphs.items():
        (folder / f"{name}.onnx").write_bytes(graph.SerializeToString())
    signature = infer_signature(rows, model.predict(rows))
    mlflow.sklearn.save_model(model, folder / "mlflow-sklearn", signature=signature, serialization_format="cloudpickle")
    steps = model[0].scale_, model[0].mean_, model[-1].coef_[0], model[-1].intercept_[0]
    weights = steps[2] / steps[0]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "weights.json"
        bias = float(steps[3] - (weights * steps[1]).sum())
        file.write_text(json.dumps({"wind": weights[0], "visibility": weights[1], "bias": bias}))
        mlflow.pyfunc.save_model(
            folder / "mlflow-pyfunc",
            python_model=WithWeights(),
            artifacts={"weights": str(file)},
            signature=infer_signature(rows, pd.DataFrame({"label": [1], "probability": [0.5]})),
        )
    probe = rows.head(8)
    expected = {
        "rows": probe.to_dict("records"),
        "label": model.predict(probe).tolist(),
        "probability": model.predict_proba(probe)[:, 1].tolist(),
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    made_with = {tool.__name__: tool.__version__ for tool in (mlflow, skl2onnx, onnx)}
    made_with["scikit-learn"] = sklearn.__version__
    (folder / "made-with.json").write_text(json.dumps(made_with, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

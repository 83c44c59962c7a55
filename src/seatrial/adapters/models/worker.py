"""The other side of a model in its own process: runs as a script, loads one model, answers frames.

It imports nothing of seatrial, and seatrial imports nothing of it: foreign code and pickled files live and die in this
process. A frame is a line of JSON that tells the form and length of the bytes after it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import os
import resource
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

_SHARE_OF_MEMORY = 0.8


class Refused(Exception):
    """The rows cannot be handed to a model with these inputs."""


class MissingExtra(Exception):
    """A package is needed that is not installed."""


Answered = tuple[str, bytes]
"""Form (`json` or `arrow`) and bytes."""


def _plain(value: Any) -> Any:
    """Numbers and arrays of numpy, pandas and the like, by the methods that they share."""
    for method in ("tolist", "item"):
        if hasattr(value, method):
            return getattr(value, method)()
    if hasattr(value, "to_dict"):
        return value.to_dict("records")
    raise TypeError(f"{type(value).__name__} cannot be answered as JSON")


def _needed(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] == module.partition(".")[0]:
            raise MissingExtra(module, extra) from None
        raise


def _arrow(columns: Mapping[str, Any], classes: list[Any] | None = None) -> Answered:
    import pyarrow as pa

    table = pa.table(dict(columns))
    if classes is not None:
        table = table.replace_schema_metadata({"classes": json.dumps(classes, default=_plain)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return "arrow", bytes(sink.getvalue())


def _table(body: bytes) -> Any:
    import pyarrow as pa

    return pa.ipc.open_stream(body).read_all()


def _matrix(values: Any) -> Any:
    """A two-dimensional array as a column of lists."""
    import pyarrow as pa

    return pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1])


def _column(values: Any) -> Any:
    """What a model returned for a column, as Arrow; whatever is one-dimensional in the end."""
    import numpy as np
    import pyarrow as pa

    array = np.asarray(values)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2:
        return _matrix(array)
    if array.ndim != 1:
        raise ValueError(f"an output of the shape {array.shape} has no value for each row")
    return pa.array(array.tolist() if array.dtype == object else array, from_pandas=False)


class Function:
    """A function that takes a list of dictionaries and returns one entry per row."""

    takes = "json"

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call
        self.names: list[str] = []

    def answer(self, form: str, body: bytes) -> Answered:
        """JSON in, JSON out; with the form `none` it is called without rows."""
        answer = self._call() if form == "none" else self._call(json.loads(body))
        return "json", json.dumps(answer, default=_plain).encode()


class Estimator:
    """An object with `predict`, and perhaps `predict_proba`, as scikit-learn has them."""

    takes = "arrow"

    def __init__(self, model: Any) -> None:
        self._model = model
        self.names = [str(name) for name in getattr(model, "feature_names_in_", ())]

    def answer(self, _: str, body: bytes) -> Answered:
        """The columns `prediction` and, where there are any, `score` with one score per class."""
        rows = self._rows(_table(body))
        columns = {"prediction": _column(self._model.predict(rows))}
        if not hasattr(self._model, "predict_proba"):
            return _arrow(columns)
        import numpy as np

        columns["score"] = _matrix(np.asarray(self._model.predict_proba(rows), dtype=float))
        return _arrow(columns, [_plain(c) if hasattr(c, "item") else c for c in self._model.classes_])

    def _rows(self, table: Any) -> Any:
        import numpy as np

        names = self.names or table.column_names
        if missing := [name for name in names if name not in table.column_names]:
            raise Refused(f"the model takes {', '.join(missing)}, which the rows do not have")
        table = table.select(names)
        if importlib.util.find_spec("pandas") is not None:
            return table.to_pandas()
        return np.column_stack([column.to_numpy() for column in table.columns])


class Onnx:
    """An ONNX file in onnxruntime: one input per field, or one that takes all fields in their order."""

    takes = "arrow"

    def __init__(self, path: str) -> None:
        runtime = _needed("onnxruntime", "onnx")
        runtime.set_default_logger_severity(3)
        self._not_taken = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state").InvalidArgument
        self._session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self._inputs = self._session.get_inputs()
        # One input alone may take all fields in their order, under a name that is none of theirs.
        alone = len(self._inputs) == 1 and self._inputs[0].shape[1:] != [1]
        self.names = [] if alone else [given.name for given in self._inputs]
        self._outputs = [output.name for output in self._session.get_outputs()]

    def answer(self, _: str, body: bytes) -> Answered:
        """One column per output of the graph."""
        table = _table(body)
        feed = self._feed(table)
        try:
            answered = self._session.run(None, feed)
        except self._not_taken as error:
            raise Refused(str(error)) from None
        classes: list[Any] | None = None
        columns = {}
        for name, values in zip(self._outputs, answered, strict=True):
            if isinstance(values, list) and values and isinstance(values[0], dict):
                classes = list(values[0])
                import numpy as np

                columns[name] = _matrix(np.array([list(row.values()) for row in values], dtype=float))
            else:
                columns[name] = _column(values)
            if len(columns[name]) != table.num_rows:
                raise ValueError(f"the output {name} has {len(columns[name])} entries for {table.num_rows} rows")
        return _arrow(columns, classes)

    def _feed(self, table: Any) -> dict[str, Any]:
        import numpy as np

        names = [given.name for given in self._inputs]
        if len(names) == 1 and names[0] not in table.column_names:
            given = self._inputs[0]
            wide = given.shape[-1] if len(given.shape) > 1 else None
            if isinstance(wide, int) and wide != table.num_columns:
                raise Refused(f"the input {given.name} takes {wide} values per row, the rows have {table.num_columns}")
            return {given.name: np.column_stack([_cast(table, name, given.type)[:, 0] for name in table.column_names])}
        if missing := [name for name in names if name not in table.column_names]:
            raise Refused(f"the model takes {', '.join(missing)}, which the rows do not have")
        if unknown := [name for name in table.column_names if name not in names]:
            raise Refused(f"the model takes no input {', '.join(unknown)}")
        fed = {given.name: _cast(table, given.name, given.type) for given in self._inputs}
        return {
            given.name: fed[given.name] if len(given.shape) > 1 else fed[given.name][:, 0] for given in self._inputs
        }


_TENSORS = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(int64)": "int64",
    "tensor(int32)": "int32",
    "tensor(int16)": "int16",
    "tensor(int8)": "int8",
    "tensor(uint8)": "uint8",
    "tensor(bool)": "bool",
}


def _cast(table: Any, name: str, kind: str) -> Any:
    """A column as a tensor of one value per row. A missing number is NaN where the tensor can hold it."""
    import numpy as np
    import pyarrow as pa

    column = table.column(name).combine_chunks()
    if kind == "tensor(string)":
        if not pa.types.is_string(column.type) or column.null_count:
            raise Refused(f"the input {name} is text, and the rows hold {column.type}, or no value")
        return np.array(column.to_pylist(), dtype=object).reshape(-1, 1)
    if kind not in _TENSORS:
        raise Refused(f"the input {name} is a {kind}, which rows of a table cannot fill")
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_boolean(column.type)):
        raise Refused(f"the input {name} is a {kind}, and the rows hold {column.type}")
    values = column.to_numpy(zero_copy_only=False)
    wanted = np.dtype(_TENSORS[kind])
    if wanted.kind in "iub":
        numbers = np.asarray(values, dtype=float)
        if not np.isfinite(numbers).all() or (wanted.kind != "b" and (numbers != np.floor(numbers)).any()):
            raise Refused(f"the input {name} is a {kind}, and the rows hold fractions or no value")
        if wanted.kind == "b" and not np.isin(numbers, (0.0, 1.0)).all():
            raise Refused(f"the input {name} is a {kind}, and the rows hold other numbers than 0 and 1")
        if wanted.kind != "b" and not np.isin(numbers, np.clip(numbers, *_reach(wanted))).all():
            raise Refused(f"the input {name} is a {kind}, and the rows hold numbers beyond it")
    return np.asarray(values).astype(wanted).reshape(-1, 1)


def _reach(kind: Any) -> tuple[float, float]:
    import numpy as np

    reach = np.iinfo(kind)
    return float(reach.min), float(reach.max)


class Mlflow:
    """An MLflow model directory, as its `python_function` flavour predicts."""

    takes = "arrow"

    def __init__(self, path: str) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("DO_NOT_TRACK", "true")
        self._model = _needed("mlflow.pyfunc", "mlflow").load_model(path)
        schema = self._model.metadata.get_input_schema()
        self.names = list(schema.input_names()) if schema is not None and schema.has_input_names() else []

    def answer(self, _: str, body: bytes) -> Answered:
        """The columns that it returns, or `prediction` alone."""
        table = _table(body)
        if missing := [name for name in self.names if name not in table.column_names]:
            raise Refused(f"the model takes {', '.join(missing)}, which the rows do not have")
        rows = (table.select(self.names) if self.names else table).to_pandas()
        schema_error = importlib.import_module("mlflow.exceptions").MlflowException
        try:
            answer = self._model.predict(rows)
        except schema_error as error:
            if "schema" in str(error).lower():
                raise Refused(f"MLflow's signature of the model refuses the rows: {error}") from None
            raise
        if hasattr(answer, "columns"):
            return _arrow({str(name): _column(answer[name]) for name in answer.columns})
        if isinstance(answer, dict):
            return _arrow({str(name): _column(values) for name, values in answer.items()})
        return _arrow({"prediction": _column(answer)})


def _python(path: str, name: str) -> Any:
    sys.path.insert(0, str(Path(path).resolve().parent))
    spec = importlib.util.spec_from_file_location("model_under_trial", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    found = getattr(module, name)
    return Estimator(found) if hasattr(found, "predict") else Function(found)


_LOADERS: dict[str, Callable[..., Any]] = {"python": _python, "onnx": Onnx, "mlflow": Mlflow}


class _Told:
    """What foreign code raises becomes an answer about it; with `go_on` the next call is served."""

    def __init__(self, out: BinaryIO, *, go_on: bool) -> None:
        self._out = out
        self._go_on = go_on

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if error is None:
            return False
        if isinstance(error, Refused):
            _say(self._out, {"refused": str(error)})
        elif isinstance(error, MissingExtra):
            _say(self._out, {"module": error.args[0], "extra": error.args[1]})
        else:
            _say(self._out, {"problem": f"{type(error).__name__}: {error}"})
        return self._go_on and isinstance(error, Exception)


def _say(out: BinaryIO, head: dict[str, Any], body: bytes = b"") -> None:
    out.write(json.dumps({**head, "bytes": len(body)}).encode() + b"\n" + body)
    out.flush()


def _restrained() -> None:
    """A model that leaks fails here, before the machine does; it is the first to go, and leaves no core behind."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = math.floor(memory * _SHARE_OF_MEMORY)
    for what, limit in ((resource.RLIMIT_DATA, most), (resource.RLIMIT_CORE, 0)):
        with suppress(OSError, ValueError):
            resource.setrlimit(what, (limit, limit))
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


def main(kind: str, *arguments: str) -> None:
    """Serve until the standard input ends."""
    _restrained()
    # What foreign code prints goes to the error stream, so that it cannot be taken for an answer.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    asked = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    with out, asked:
        with _Told(out, go_on=False):
            model = _LOADERS[kind](*arguments)
        _say(out, {"ready": True, "takes": model.takes, "names": model.names})
        for line in asked:
            head = json.loads(line)
            body = asked.read(head["bytes"])
            with _Told(out, go_on=True):
                form, answer = model.answer(head["form"], body)
                _say(out, {"form": form}, answer)


if __name__ == "__main__":
    main(*sys.argv[1:])

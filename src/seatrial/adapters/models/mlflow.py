"""A model behind MLflow's scoring server."""

from __future__ import annotations

from typing import ClassVar

from seatrial.adapters.http import Http
from seatrial.adapters.models.http import RecordsModel
from seatrial.spec.system import ModelSection


class MlflowModel(RecordsModel):
    """POST `{"dataframe_records": […]}` to `/invocations`; answers `{"predictions": […]}`."""

    rows_key: ClassVar[str] = "dataframe_records"

    def __init__(self, section: ModelSection, *, url: str, http: Http) -> None:
        base = url.rstrip("/")
        super().__init__(section, url=base if base.endswith("/invocations") else f"{base}/invocations", http=http)

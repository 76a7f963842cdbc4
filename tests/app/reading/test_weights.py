"""Facts about weights: counted by the header, and never out of date."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from app.reading import loading
from hvae.runs.folders import RunEntry


def written(run: RunEntry, shape: list[int]) -> bytes:
    size = 4 * shape[0] * shape[1]
    header = json.dumps({"a": {"dtype": "F32", "shape": shape, "data_offsets": [0, size]}}).encode()
    content = len(header).to_bytes(8, "little") + header + bytes(size)
    (run.path / "model.safetensors").write_bytes(content)
    return content


def test_weights_are_counted_and_digested_anew_when_their_file_changes(tmp_path: Path) -> None:
    run = RunEntry("run", tmp_path, None, None, False)
    assert loading.parameters(run) is None and loading.catalogue(run).weights is None
    for shape in ([2, 3], [4, 5]):
        content = written(run, shape)
        for _ in range(2):
            assert loading.parameters(run) == shape[0] * shape[1]
            assert loading.catalogue(run).weights == hashlib.sha256(content).hexdigest()
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 64)
    assert loading.parameters(run) is None

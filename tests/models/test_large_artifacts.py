"""A large model goes to its run and back at constant memory."""

import json
import subprocess
import sys
from pathlib import Path

from models.conftest import with_database

MIB = 1 << 20
SIZE_MIB = 256
MOST_GROWTH_MIB = 100
PROBE = """
import json, pathlib, resource, sys
import astrid_sdk

size_mib = int(sys.argv[1])
def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

astrid = astrid_sdk.connect("store")
run_id = astrid.mlflow.create_run()
small = pathlib.Path("small.bin")
small.write_bytes(b"warm" * 1000)
uri = astrid.mlflow.store_model_artifact(str(small), run_id)
astrid.mlflow.download_model_artifacts(uri, "out")
large = pathlib.Path("large.bin")
with large.open("wb") as file:
    for number in range(size_mib):
        file.write(number.to_bytes(4, "big") * (1 << 18))
before = peak_mib()
uri = astrid.mlflow.store_model_artifact(str(large), run_id)
stored = peak_mib()
written = astrid.mlflow.download_model_artifacts(uri, "out")
print(json.dumps({
    "stored": stored - before,
    "retrieved": peak_mib() - before,
    "size": written.stat().st_size,
}))
"""


def test_memory_does_not_grow_with_the_file(tmp_path: Path, mlflow_database: Path) -> None:
    with_database(tmp_path / "store", mlflow_database).close()
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(SIZE_MIB)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    told = json.loads(done.stdout)
    assert told["size"] == SIZE_MIB * MIB
    assert told["stored"] < MOST_GROWTH_MIB
    assert told["retrieved"] < MOST_GROWTH_MIB

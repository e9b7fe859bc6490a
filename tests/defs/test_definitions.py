"""What Dagster loads: the graph of the assets, and that its own tools accept it."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from astrid_sdk.config import child_environment
from astrid_sdk.tiers import Tier
from dagster_defs.checks import no_leakage
from dagster_defs.definitions import defs

ROOT = Path(__file__).resolve().parents[2]

GRAPH = """\
calibration_frames by - in processed_observations <- raw_observations
datasets by - in datasets <- detections
detections by night in detections <- difference_images
difference_images by night in difference_images <- processed_observations reference_images
processed_observations by night in processed_observations <- calibration_frames raw_observations
raw_observations by night in raw_observations <-
real_bogus_model by - in models <- datasets
reference_images by - in processed_observations <- processed_observations
scored_detections by night in detections <- detections real_bogus_model
check bytes_match_hashes of raw_observations
check no_flood of detections
check no_leakage of datasets
job night: detections difference_images processed_observations raw_observations"""


def shown_graph() -> str:
    graph = defs.resolve_asset_graph()
    lines = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        partitions = getattr(node.partitions_def, "name", "-")
        parents = " ".join(sorted(parent.to_user_string() for parent in node.parent_keys))
        line = f"{key.to_user_string()} by {partitions} in {node.group_name} <- {parents}"
        lines.append(line.rstrip())
    checks = sorted(graph.asset_check_keys, key=lambda check: check.name)
    lines += [f"check {check.name} of {check.asset_key.to_user_string()}" for check in checks]
    job = defs.resolve_job_def("night").asset_layer
    selected = sorted(key.to_user_string() for key in job.selected_asset_keys)
    lines.append(f"job night: {' '.join(selected)}")
    return "\n".join(lines)


def test_the_asset_graph_is_the_chain() -> None:
    assert shown_graph() == GRAPH


def test_a_leak_blocks_what_is_made_of_a_dataset() -> None:
    (spec,) = no_leakage.check_specs
    assert spec.blocking


def test_each_asset_says_its_tier_and_its_code_version() -> None:
    tiers = {tier.value for tier in Tier}
    for spec in defs.resolve_all_asset_specs():
        assert spec.tags["tier"] in tiers
        assert spec.tags["tier"].replace("-", "_") == spec.group_name
        assert len(spec.code_version or "") == 64


def test_the_store_is_no_run_configuration_so_none_can_hold_a_secret() -> None:
    resources = defs.resolve_implicit_global_asset_job_def().resource_defs
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.build_resources(
            {"astrid": resources["astrid"]}, resource_config={"astrid": {"a": 1}}
        ).__enter__()


@pytest.mark.parametrize(
    "command",
    [["dagster", "definitions", "validate", "-w", "workspace.yaml"], ["dg", "check", "defs"]],
    ids=["dagster", "dg"],
)
def test_the_tools_of_dagster_accept_the_definitions(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    tool = str(Path(sys.executable).with_name(command[0]))
    environment = child_environment({"DAGSTER_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)})
    done = subprocess.run(
        [tool, *command[1:]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr

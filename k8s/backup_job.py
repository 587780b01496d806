"""Makes a job of the CronJob's own do something else: backup_job.py now | list | restore STAMP/DATABASE.dump.

Reads the job as JSON from standard input and writes it to standard output. Where the chart has a bucket, the container
`bucket` is there next to `dump`, and a restore fetches first.
"""

import json
import sys
from typing import Any

BUCKET = ["/venv/bin/python", "-m", "medallion.backups"]


def changed(job: dict[str, Any], verb: str, name: str = "") -> dict[str, Any]:
    """The job, with one try and the containers that the verb takes, in their order."""
    pod = job["spec"]["template"]["spec"]
    boxes = {box["name"]: box for box in [*pod.get("initContainers", []), *pod["containers"]]}
    steps: list[tuple[str, list[str]]]
    if verb == "now":
        steps = [(name, box["command"]) for name, box in boxes.items()]
    elif verb == "list":
        steps = [("dump", ["sh", "-c", "cd /backups && du -h 20*Z/*.dump"])]
        if "bucket" in boxes:
            steps = [("bucket", [*BUCKET, "list"])]
            volume = next(volume for volume in pod["volumes"] if volume["name"] == "backups")
            volume.pop("ephemeral")
            volume["emptyDir"] = {}
    else:
        fetch = [("bucket", [*BUCKET, "fetch", name])] if "bucket" in boxes else []
        steps = [*fetch, ("dump", ["bash", "/scripts/restore.sh", name])]
    *first, last = [boxes[box] | {"command": command} for box, command in steps]
    pod |= {"initContainers": first, "containers": [last]}
    job["spec"] |= {"backoffLimit": 0, "ttlSecondsAfterFinished": 86400}
    # Else the CronJob would delete it, as it does its own: perhaps before anybody saw how it ended.
    job["metadata"].pop("ownerReferences", None)
    return job


if __name__ == "__main__":
    json.dump(changed(json.load(sys.stdin), *sys.argv[1:]), sys.stdout)

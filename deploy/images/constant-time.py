#!/usr/bin/env python3
"""Gives an image the time SOURCE_DATE_EPOCH also in its configuration, so that two builds of the same programs have one digest.

Usage: constant-time.py IMAGE SECONDS
BuildKit does it by itself from 0.11 on (Docker 23); for older engines the image is taken out, written anew and put back.
The archive is that of `docker save`: https://github.com/moby/docker-image-spec
"""
import datetime
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile


def constant(configuration, time):
    """The configuration with this time, and without what the builder notes of itself."""
    kept = {name: value for name, value in configuration.items() if not name.startswith("moby.buildkit.")}
    for name in ("container", "container_config", "docker_version"):
        kept.pop(name, None)
    kept["created"] = time
    kept["history"] = [{**one, "created": time} for one in kept.get("history", [])]
    return kept


def rewritten(folder, image, time):
    """Writes the image of an unpacked archive into a new one beside it; None when it has this time already."""
    with open(f"{folder}/manifest.json") as file:
        manifest = json.load(file)[0]
    with open(f"{folder}/{manifest['Config']}", "rb") as file:
        old = file.read()
    configuration = constant(json.loads(old), time)
    if configuration == json.loads(old):
        return None
    text = json.dumps(configuration, sort_keys=True, separators=(",", ":")).encode()
    name = hashlib.sha256(text).hexdigest() + ".json"
    with open(f"{folder}/{name}", "wb") as file:
        file.write(text)
    with open(f"{folder}/new.json", "w") as file:
        json.dump([{"Config": name, "RepoTags": [image], "Layers": manifest["Layers"]}], file)
    archive = f"{folder}/new.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(f"{folder}/new.json", "manifest.json")
        for path in [name, *dict.fromkeys(manifest["Layers"])]:
            tar.add(os.path.realpath(f"{folder}/{path}"), path)
    return archive


def main():
    if len(sys.argv) != 3 or not sys.argv[2].isdigit():
        sys.exit(__doc__)
    image, seconds = sys.argv[1], int(sys.argv[2])
    time = datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = subprocess.run(["docker", "image", "inspect", "--format", "{{.Id}}", image], check=True, capture_output=True, text=True).stdout.strip()
    with tempfile.TemporaryDirectory() as folder:
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
            with tarfile.open(fileobj=saving.stdout, mode="r|") as tar:
                tar.extractall(folder)
        if saving.returncode != 0:
            sys.exit(f"{image} cannot be saved")
        archive = rewritten(folder, image, time)
        if archive is None:
            return
        subprocess.run(["docker", "load", "--quiet", "--input", archive], check=True, stdout=subprocess.DEVNULL)
    # Without its tag the one from before is of no use; where something else uses it, it stays.
    subprocess.run(["docker", "image", "rm", before], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()

"""What kubectl or helm has rendered, for tests/e2e/kubernetes.sh.

pods.py pod NAME IMAGE HOSTPATH=DIR... <RENDERED     the DaemonSet's pod with its ConfigMaps, for `podman kube play`
pods.py probe <RENDERED                                 the command of its readiness probe
pods.py same A B                                        whether two renderings make the same pods
"""

import json
import sys

import yaml


def daemon_set(documents):
    return next(d for d in documents if d["kind"] == "DaemonSet")["spec"]["template"]


def pod(documents, name, image, *directories):
    spec = daemon_set(documents)["spec"]
    (container,) = spec["containers"]
    container["image"] = image
    # What needs a kubelet, or controllers of cgroups.
    for key in ("readinessProbe", "resources", "imagePullPolicy"):
        container.pop(key, None)
    directories = dict(directory.split("=") for directory in directories)
    for volume in spec["volumes"]:
        if "hostPath" in volume:
            path = volume["hostPath"]["path"]
            volume["hostPath"]["path"] = directories.get(path, path)
    container["args"] = ["--interval=1" if a.startswith("--interval") else a for a in container["args"]]
    configs = [d for d in documents if d["kind"] == "ConfigMap"]
    yaml.safe_dump_all(
        configs + [{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}], sys.stdout
    )


def comparable(path):
    with open(path) as file:
        documents = [d for d in yaml.safe_load_all(file) if d]
    spec = daemon_set(documents)["spec"]
    for volume in spec["volumes"]:
        # A name of its own for each content, or the release's.
        volume.get("configMap", {}).pop("name", None)
    spec["containers"][0].pop("imagePullPolicy", None)
    return json.dumps(spec, sort_keys=True, indent=1)


command, *words = sys.argv[1:]
if command == "same":
    a, b = map(comparable, words)
    if a != b:
        sys.exit(f"{words[0]} and {words[1]} differ:\n{a}\n{b}")
else:
    rendered = [d for d in yaml.safe_load_all(sys.stdin) if d]
    if command == "pod":
        pod(rendered, *words)
    else:
        (container,) = daemon_set(rendered)["spec"]["containers"]
        print(" ".join(container["readinessProbe"]["exec"]["command"]))

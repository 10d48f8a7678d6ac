#!/usr/bin/env python3
"""What the compose schema does not see: undefined and cyclic depends_on, conditions without what
they need, ports outside of loopback, and variables that .env.example does not name.

usage: compose_check.py docker-compose.yml .env.example
"""
import re
import sys

import yaml


def dependencies(service):
    """depends_on as {name: condition}, from either of its two forms."""
    value = service.get("depends_on", {})
    if isinstance(value, list):
        return {name: "service_started" for name in value}
    return {name: item.get("condition", "service_started") for name, item in value.items()}


def find_cycle(name, graph, path):
    if name in path:
        return path[path.index(name):] + [name]
    for other in graph.get(name, {}):
        cycle = find_cycle(other, graph, path + [name])
        if cycle:
            return cycle
    return None


def dependency_problems(services):
    graph = {name: dependencies(service) for name, service in services.items()}
    for name, needs in graph.items():
        for other, condition in needs.items():
            if other not in services:
                yield f"{name}: depends_on '{other}', which is not defined"
            elif condition == "service_healthy" and not has_health(services[other]):
                yield f"{name}: waits until '{other}' is healthy, which has no health check"
            elif condition == "service_completed_successfully" and (
                services[other].get("restart", "no") not in ("no", "on-failure")
            ):
                yield f"{name}: waits for the end of '{other}', which is restarted"
    for name in graph:
        cycle = find_cycle(name, graph, [])
        if cycle:
            yield "depends_on goes in a circle: " + " -> ".join(cycle)
            return


def has_health(service):
    check = service.get("healthcheck")
    # Our own image brings one.
    return (bool(check) or "build" in service) and not (check or {}).get("disable")


def port_problems(services):
    for name, service in services.items():
        for port in service.get("ports", []):
            if not str(port).startswith("127.0.0.1:"):
                yield f"{name}: port {port} is not on loopback"


def variable_problems(text, example):
    named = set(re.findall(r"^#?\s*([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))
    for name in sorted(set(re.findall(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)", text))):
        if name not in named:
            yield f"variable {name} is not in .env.example"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        text = file.read()
    with open(sys.argv[2], encoding="utf-8") as file:
        example = file.read()
    compose = yaml.safe_load(text)
    services = compose["services"]
    problems = [
        *dependency_problems(services),
        *port_problems(services),
        *variable_problems(text, example),
    ]
    if "version" in compose:
        problems.append("'version' is obsolete")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

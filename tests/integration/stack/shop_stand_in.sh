#!/usr/bin/env bash
# Stands in for the binary where only the scripts around it are tested: `up` answers 200 to every
# request on API_PORT and on the roles' ports, `demo` ends with STAND_IN_DEMO_RC, everything else succeeds.
set -euo pipefail

case ${1:-} in
up)
    exec /usr/bin/python3 -c '
import http.server, os, threading

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

first = int(os.environ["FIRST_METRICS_PORT"])
ports = [int(os.environ["API_PORT"]), *range(first, first + 11)]
servers = [http.server.HTTPServer(("127.0.0.1", port), Answer) for port in ports]
for server in servers[1:]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
servers[0].serve_forever()'
    ;;
demo) exit "${STAND_IN_DEMO_RC:-0}" ;;
esac

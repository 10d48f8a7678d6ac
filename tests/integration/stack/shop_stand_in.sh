#!/usr/bin/env bash
# Stands in for the binary where only the scripts around it are tested: `up` answers 200 to every
# request on API_PORT, `demo` ends with STAND_IN_DEMO_RC, everything else succeeds.
set -euo pipefail

case ${1:-} in
up)
    exec /usr/bin/python3 -c '
import http.server, os

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

http.server.HTTPServer(("127.0.0.1", int(os.environ["API_PORT"])), Answer).serve_forever()'
    ;;
demo) exit "${STAND_IN_DEMO_RC:-0}" ;;
esac

"""Serves a heavy page, opens it in five tabs of a Chromium, closes three, and names each moment.

    python3 tabs.py CHROMIUM VMREC
"""

import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

PAGE = b"""<!doctype html><title>tab</title><body><script>
const rows = Array.from({length: 60000}, (_, i) => ({id: i, text: 'row ' + i, tags: [i, i + 1]}));
for (let i = 0; i < 4000; i++) document.body.append(
    Object.assign(document.createElement('p'), {textContent: rows[i].text.repeat(20)}));
</script>"""
chromium, vmrec = sys.argv[1:]


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(PAGE)

    def log_message(self, *_):
        pass


def ask(method, path):
    url = f"http://127.0.0.1:9333{path}"
    return urllib.request.urlopen(urllib.request.Request(url, method=method)).read()


server = http.server.ThreadingHTTPServer(("127.0.0.1", 8765), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
browser = subprocess.Popen(
    [chromium, "--headless", "--renderer-process-limit=1", "--no-sandbox", "--remote-debugging-port=9333",
     f"--user-data-dir={tempfile.mkdtemp()}", "http://127.0.0.1:8765/first"],
    stderr=subprocess.DEVNULL)
time.sleep(4)
find = ["pgrep", "-f", "--", "--type=renderer"]
pid = subprocess.run(find, capture_output=True, text=True).stdout.split()[-1]
record = subprocess.Popen(
    [vmrec, "record", pid, "--every", "500ms", "--for", "46s", "--name", "five tabs of one site"])
time.sleep(5)
tabs = []
for number in range(2, 6):
    subprocess.run([vmrec, "mark", f"tab {number}"])
    tabs.append(json.loads(ask("PUT", f"/json/new?http://127.0.0.1:8765/{number}"))["id"])
    time.sleep(5)
time.sleep(4)
subprocess.run([vmrec, "mark", "three closed"])
for tab in tabs[:3]:
    ask("GET", f"/json/close/{tab}")
record.wait()
browser.terminate()

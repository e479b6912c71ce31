"""Pages of runs that are still being written, shown to this machine only."""

import errno
import html
import http.server
import json
import urllib.parse

import pages
import words
from mfld import results

ADDRESS = "127.0.0.1"
PORT = 8123
LIST = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="10"><style>{style}</style></head>
<body><main class="list"><h1>{title}</h1><p>{count}</p><ul>{items}</ul></main></body></html>
"""


def _style():
    return (pages.FOLDER / "page.css").read_text(encoding="utf-8")


def _begun(runs):
    """Those that index.csv does not list yet: they go on, or were killed."""
    listed = {run.name for run in runs}
    folders = (file.parent for file in sorted(runs.path.glob("*/metrics.csv")))
    return [results.Run(folder, folder.name) for folder in folders if folder.name not in listed]


def _listing(runs):
    items = []
    begun = _begun(runs)
    for run in [*begun, *runs]:
        try:
            state = run.summary.get("ending", "begun") + ", " + run.progress
        except results.Error as error:
            state = str(error)
        link = "/run/" + urllib.parse.quote(run.name, safe="")
        items.append(f'<li><a href="{html.escape(link)}">{html.escape(words.printable(run.name))}</a> '
                     f"{html.escape(words.printable(state))}</li>")
    planned = f" of {runs.planned}" if runs.planned else ""
    more = f", {len(begun)} more begun" if begun else ""
    return LIST.format(title=html.escape(words.printable(runs.path)), style=_style(), items="".join(items),
                       count=f"{len(runs)}{planned} runs have ended{more}: as it was a moment ago")


def _sentence(text):
    return LIST.format(title="There is no page of this run", style=_style(), items="",
                       count=html.escape(words.printable(text)))


class Site:
    """What stands at an address, read anew each time it is asked for."""

    def __init__(self, folder, options):
        self.folder, self.options = folder, options

    def answer(self, path):
        """(status, type, text)"""
        parts = [urllib.parse.unquote(part) for part in path.split("?")[0].strip("/").split("/")]
        if parts == ["favicon.ico"]:  # browsers ask for it by themselves, and report an error where nothing stands
            return 204, "image/x-icon", ""
        try:
            loaded = results.load(self.folder)
            if parts == [""] and isinstance(loaded, results.Runs):
                return 200, "text/html", _listing(loaded)
            run, rest = self._run_at(loaded, parts)
            if run is None or rest not in ([], ["payload"], ["version"]):
                return 404, "text/html", _sentence("nothing stands at this address")
            return self._of_run(run, path.rstrip("/"), rest)
        except results.Error as error:
            return 503, "text/html", _sentence(str(error))

    def _run_at(self, loaded, parts):
        if isinstance(loaded, results.Run):
            return loaded, [part for part in parts if part]
        if parts[0] != "run" or len(parts) < 2:
            return None, parts
        return next((run for run in [*loaded, *_begun(loaded)] if run.name == parts[1]), None), parts[2:]

    def _of_run(self, run, path, rest):
        if rest == ["version"]:
            count = 0 if run.trajectory is None else len(run.trajectory.steps)
            return 200, "text/plain", f"{count} {len(run.metrics)} {run.summary.get('ending')}"
        shown = pages.payload([run], **self.options)
        if rest == ["payload"]:
            return 200, "application/json", json.dumps(shown, allow_nan=False)
        return 200, "text/html", pages.page(shown, live=path)


def _handler(site):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            host = self.headers.get("Host", "").rsplit(":", 1)[0]
            if host not in (ADDRESS, "localhost"):  # a page of elsewhere whose name was made to lead here
                status, kind, text = 403, "text/plain", "only for this machine"
            else:
                status, kind, text = site.answer(self.path)
            data = text.encode("utf-8")
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format, *args):
            pass

    return Handler


def server_of(folder, port, options):
    """A server that listens; an Error where the port is taken."""
    try:
        return http.server.ThreadingHTTPServer((ADDRESS, port), _handler(Site(folder, options)))
    except OSError as error:
        hint = "; --port P takes another" if error.errno in (errno.EADDRINUSE, errno.EACCES) else ""
        raise results.FileError(f"cannot listen on {ADDRESS}:{port}: {error.strerror or error}{hint}.") from None


def serve(folder, port, options):
    """Until it is interrupted."""
    results.load(folder)
    server = server_of(folder, port, options)
    words.say(f"http://{ADDRESS}:{server.server_address[1]}/ shows {folder}; Ctrl-C ends it")
    server.serve_forever()

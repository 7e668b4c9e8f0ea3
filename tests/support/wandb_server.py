"""A stand-in for the server of W&B: the calls that `wandb sync` of version 0.31 makes.

They were found by recording what the client sends. The server keeps what arrives, so that a test
can compare it with the files of a stage; it knows one user and accepts everything.
"""

import gzip
import http.server
import json
import threading
from typing import Any

USER = "someone"


class WandbServer(http.server.ThreadingHTTPServer):
    """Serves on a free port of this machine while its context is open.

    Attributes:
        runs: What is known of every run, by its name: the fields of its first description.
        rows: Rows of the curves, by run.
        files: Names and contents that were uploaded.
        artifacts: Names of the artifacts, with their types.
        exit_codes: The exit code with which each run ended, by its name.
        unknown: Names of operations that this server does not know.
    """

    def __init__(self) -> None:
        """Binds a port."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runs: dict[str, dict[str, Any]] = {}
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.files: dict[str, bytes] = {}
        self.artifacts: dict[str, str] = {}
        self.exit_codes: dict[str, int] = {}
        self.unknown: list[str] = []

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "WandbServer":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()

    def answer(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Answers one call of GraphQL."""
        known = getattr(self, f"_{operation}", None)
        if known is None:
            self.unknown.append(operation)
            return {}
        return known(given)

    def _UpsertBucket(self, given: dict[str, Any]) -> dict[str, Any]:
        name = given["name"]
        fields = {key: value for key, value in given.items() if value is not None}
        known = self.runs.setdefault(name, {})
        known |= {key: value for key, value in fields.items() if key not in known}
        known["config"] = fields.get("config", known.get("config"))
        project = {"id": "p", "name": given["project"], "entity": {"id": "e", "name": USER}}
        bucket = {
            "id": name, "name": name, "displayName": given["displayName"], "description": None,
            "config": "{}", "sweepName": None, "project": project, "historyLineCount": 0,
        }  # fmt: skip
        return {"upsertBucket": {"bucket": bucket, "inserted": True}}

    def _ServerFeaturesQuery(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def _CreateArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = given["input"]
        name = wanted["artifactCollectionName"]
        self.artifacts[name] = wanted["artifactTypeName"]
        sequence = {"latestArtifact": None}
        artifact = {"id": name, "state": "PENDING", "artifactSequence": sequence}
        return {"createArtifact": {"artifact": artifact}}

    def _CreateArtifactManifest(self, given: dict[str, Any]) -> dict[str, Any]:
        name = f"manifest-{given['artifactID']}"
        place = {"id": name, "displayName": name, "uploadUrl": f"{self.url}/{name}",
                 "uploadHeaders": []}  # fmt: skip
        manifest = {"id": name, "file": place}
        return {"createArtifactManifest": {"artifactManifest": manifest}}

    def _CreateArtifactFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = given.get("artifactFiles") or given["input"]["artifactFiles"]
        nodes = [
            {
                "node": {
                    "id": f"{number}", "name": entry["name"], "displayName": entry["name"],
                    "uploadUrl": f"{self.url}/{entry['artifactID']}/{entry['name']}",
                    "uploadHeaders": [], "storagePath": entry["name"], "uploadMultipartUrls": None,
                    "artifact": {"id": entry["artifactID"]},
                }
            }
            for number, entry in enumerate(wanted)
        ]  # fmt: skip
        return {"createArtifactFiles": {"files": {"edges": nodes}}}

    def _CommitArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"commitArtifact": {"artifact": {"id": given["artifactID"], "digest": ""}}}

    def _CreateRunFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        run = given["run"]
        files = [{"name": name, "uploadUrl": f"{self.url}/{run}/{name}"} for name in given["files"]]
        return {"createRunFiles": {"runID": run, "uploadHeaders": [], "files": files}}


class _Handler(http.server.BaseHTTPRequestHandler):
    @property
    def known(self) -> WandbServer:
        """What the server keeps."""
        assert isinstance(self.server, WandbServer)
        return self.server

    def log_message(self, format: str, *words: object) -> None:
        """Says nothing."""

    def do_POST(self) -> None:
        """Calls of GraphQL, and lines of files that grow."""
        body = self._body()
        if self.path == "/graphql":
            call = json.loads(body)
            answer = self.known.answer(call["operationName"], call.get("variables") or {})
            self._send({"data": answer})
            return
        content, run = json.loads(body), self.path.split("/")[-2]
        for line in (content.get("files") or {}).get("wandb-history.jsonl", {}).get("content", ()):
            self.known.rows.setdefault(run, []).append(json.loads(line))
        if content.get("complete"):
            self.known.exit_codes[run] = content.get("exitcode")
        self._send({})

    def do_PUT(self) -> None:
        """Whole files."""
        self.known.files[self.path.lstrip("/")] = self._body()
        self._send({})

    def do_GET(self) -> None:
        """Nothing is known."""
        self._send({})

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _send(self, content: Any) -> None:
        data = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

"""Pushes with dulwich: one line of JSON a job on stdin, {url, local, moves: {ref: oid or null}}; answers with one line of JSON, {ref: error or null}."""
import json
import sys

from dulwich.client import get_transport_and_path
from dulwich.errors import GitProtocolError
from dulwich.repo import Repo

for line in sys.stdin:
    job = json.loads(line)
    client, path = get_transport_and_path(job["url"])
    local = Repo(job["local"])

    def moved(refs):
        return {ref.encode(): oid.encode() if oid else b"0" * 40 for ref, oid in job["moves"].items()}

    try:
        result = client.send_pack(path, moved, generate_pack_data=local.generate_pack_data)
        print(json.dumps({ref.decode(): error for ref, error in (result.ref_status or {}).items()}), flush=True)
    except GitProtocolError as error:
        print(json.dumps({"error": str(error)}), flush=True)

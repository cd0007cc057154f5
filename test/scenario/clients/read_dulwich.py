"""Clones and fetches with dulwich: one line of JSON a job on stdin, {url, clone, busy, depth?}."""
import json
import sys

from dulwich import porcelain
from dulwich.client import get_transport_and_path
from dulwich.repo import Repo

for line in sys.stdin:
    job = json.loads(line)
    porcelain.clone(job["url"], job["clone"], bare=True, depth=job.get("depth"), errstream=sys.stderr.buffer)
    client, path = get_transport_and_path(job["url"])
    local = Repo(job["busy"])
    fetched = client.fetch(path, local, determine_wants=lambda refs, depth=None: [refs[b"refs/heads/main"]])
    local.refs[b"refs/remotes/up/main"] = fetched.refs[b"refs/heads/main"]
    print("done", flush=True)

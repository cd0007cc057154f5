"""Clones and fetches with libgit2: one line of JSON a job on stdin, {url, clone, busy}."""
import json
import sys

import pygit2

for line in sys.stdin:
    job = json.loads(line)
    pygit2.clone_repository(job["url"], job["clone"], bare=True)
    remote = pygit2.Repository(job["busy"]).remotes.create("up", job["url"])
    remote.fetch(["+refs/heads/main:refs/remotes/up/main"])
    print("done", flush=True)

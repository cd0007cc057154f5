"""Pushes with libgit2: one line of JSON a job on stdin, {url, local, specs}; answers with one line of JSON, {ref: error or null}."""
import json
import sys

import pygit2


class Told(pygit2.RemoteCallbacks):
    def __init__(self):
        super().__init__()
        self.refs = {}

    def push_update_reference(self, refname, message):
        self.refs[refname] = message


for number, line in enumerate(sys.stdin):
    job = json.loads(line)
    told = Told()
    remote = pygit2.Repository(job["local"]).remotes.create(f"job-{number}", job["url"])
    remote.push(job["specs"], callbacks=told)
    print(json.dumps(told.refs), flush=True)

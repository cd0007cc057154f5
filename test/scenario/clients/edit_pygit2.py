"""Clones, edits a file and pushes with libgit2: one line of JSON a job on stdin, {url, clone, file, from, to, branch}; answers with the new commit."""
import json
import sys

import pygit2

for line in sys.stdin:
    job = json.loads(line)
    repo = pygit2.clone_repository(job["url"], job["clone"])
    path = f'{job["clone"]}/{job["file"]}'
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content.replace(job["from"].encode(), job["to"].encode()))
    repo.index.add(job["file"])
    tree = repo.index.write_tree()
    who = pygit2.Signature("Ann Author", "ann@example.com")
    target = f'refs/heads/{job["branch"]}'
    commit = repo.create_commit(target, who, who, "edited by libgit2", tree, [repo.head.target])
    repo.remotes["origin"].push([f"{target}:{target}"])
    print(commit, flush=True)

"""Clones, edits a file and pushes with dulwich: one line of JSON a job on stdin, {url, clone, file, from, to, branch}; answers with the new commit."""
import json
import sys

from dulwich import porcelain

who = b"Ann Author <ann@example.com>"

for line in sys.stdin:
    job = json.loads(line)
    repo = porcelain.clone(job["url"], job["clone"], errstream=sys.stderr.buffer)
    path = f'{job["clone"]}/{job["file"]}'
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(content.replace(job["from"].encode(), job["to"].encode()))
    porcelain.add(repo, [path])
    commit = porcelain.commit(repo, b"edited by dulwich", author=who, committer=who)
    target = f'refs/heads/{job["branch"]}'.encode()
    repo.refs[target] = commit
    porcelain.push(repo, job["url"], [target + b":" + target], errstream=sys.stderr.buffer)
    print(commit.decode(), flush=True)

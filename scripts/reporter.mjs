/**
 * Reporter for `node --test`: a line per file, failures in full, which tests
 * were skipped and why, and last the runner's own closing counts, as its tap
 * reporter writes them.
 */
import { relative, resolve } from 'node:path';
import { inspect } from 'node:util';

const keptStderr = 16_384;

export default async function* report(events) {
  const failures = [];
  const stderr = new Map();
  const skipped = new Map();
  const closing = [];
  for await (const { type, data } of events) {
    if (type === 'test:diagnostic' && data.file === undefined && data.nesting === 0) {
      closing.push(`# ${data.message}\n`);
      continue;
    }
    if (type === 'test:stderr') {
      stderr.set(data.file, `${stderr.get(data.file) ?? ''}${data.message}`.slice(-keptStderr));
    } else if (type === 'test:pass' && data.skip !== undefined) {
      addSkip(skipped, data);
    } else if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') {
      failures.push(data);
    } else if (type === 'test:complete' && data.name === data.file) {
      yield fileLine(data.file, data.details.error === undefined, data.details.duration_ms);
    } else if (type === 'test:summary' && data.file !== undefined) {
      // Newer Nodes say it so.
      yield fileLine(data.file, data.success, data.duration_ms);
    }
  }
  for (const [index, failure] of failures.entries()) {
    yield failureText(index + 1, failure, stderr.get(failure.file) ?? '');
  }
  if (process.env.REFGATE_CHECKS_FAILED) yield `checks that failed: ${process.env.REFGATE_CHECKS_FAILED}\n`;
  yield skipLine(skipped);
  yield closing.join('');
}

function addSkip(skipped, data) {
  const reason = typeof data.skip === 'string' && data.skip !== '' ? data.skip : 'no reason given';
  const entry = skipped.get(reason) ?? { tests: 0, files: new Set() };
  entry.tests++;
  entry.files.add(shortName(data.file));
  skipped.set(reason, entry);
}

function fileLine(file, passed, ms) {
  return `${passed ? 'ok  ' : 'FAIL'} ${shortName(file)} (${(ms / 1000).toFixed(1)} s)\n`;
}

function failureText(number, data, stderr) {
  const error = data.details.error?.cause ?? data.details.error;
  const body = error?.stack ?? inspect(error);
  const noise = stderr === '' ? '' : `\n--- stderr of the file (its end)\n${stderr}`;
  const where = `${shortName(data.file)}${data.line ? `:${data.line}` : ''}`;
  return `\nFAIL ${number}) ${resolve(data.name) === data.file ? 'the file itself' : data.name}\n  at ${where}\n${indent(body + noise)}\n`;
}

const indent = (text) => text.trimEnd().replace(/^/gm, '    ');

function skipLine(skipped) {
  if (skipped.size === 0) return '\nskipped: nothing\n';
  const parts = [...skipped].map(
    ([reason, { tests, files }]) =>
      `${tests} ${tests === 1 ? 'test' : 'tests'} of ${[...files].join(' ')}: ${reason}`,
  );
  return `\nskipped: ${parts.join('; ')}\n`;
}

const shortName = (file) =>
  file === undefined
    ? '?'
    : relative(process.cwd(), file)
        .replace(/^(dist|build\/[^/]+)\//, '')
        .replace(/\.js$/, '.ts');
